//! The ping that every lab on a real kernel sees in the same way.

use esplain::course::{Opening, Seen};
use esplain::decrypt::Scratch;
use esplain::lab::Lab;
use esplain::replay::{device_names, keyring};

use crate::lines::run;

/// Two pings from pod to pod, seen on all of worker's devices, and opened with the keys of worker's own states.
pub(crate) fn a_ping_is_captured_and_opened(lab: &mut dyn Lab) {
    let capture = lab.capture("worker", "any", "esp or icmp").unwrap_or_else(|trouble| panic!("{trouble:?}"));
    let said = run(lab, "pod-a", "ping -c 2 -i 0.2 -W 5 10.0.1.165");
    assert!(said.status == 0 && said.text.contains("2 received"), "{said:?}");
    let end = lab.stop_capture(capture).expect("stops");
    assert_eq!(end.dropped, 0);
    let keys = keyring(lab, "worker").expect("states");
    let devices = device_names(lab, "worker").expect("devices");
    let mut scratch = Scratch::default();
    let seen: Vec<Seen> = end.frames.iter().map(|frame| Seen::of(frame, &keys, &devices, &mut scratch)).collect();
    let at: Vec<(Option<&str>, Opening)> = seen.iter().map(|seen| (seen.device.as_deref(), seen.opening)).collect();
    // Twice: in clear from the pod; sealed on cilium_host, cilium_net, eth0; the answer sealed, and in clear twice.
    assert_eq!(at.len(), 14, "{at:?}");
    let count = |device: &str, opened: bool| {
        let of_device = at.iter().filter(|(own, _)| own.is_some_and(|own| own.starts_with(device)));
        of_device.filter(|(_, opening)| (*opening == Opening::Opened) == opened).count()
    };
    for (device, sealed, clear) in [("cilium_host", 2, 0), ("cilium_net", 2, 0), ("eth0", 4, 2), ("lxc", 0, 4)] {
        assert_eq!((count(device, true), count(device, false)), (sealed, clear), "{device}: {at:?}");
    }
}
