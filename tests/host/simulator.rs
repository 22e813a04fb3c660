//! The simulator's bytes, read by a program that knows nothing of it: tshark opens its captures with the keys that its own
//! `ip xfrm state` printed.

use std::process::Command;
use std::time::Duration;

use esplain::lab::sim::Sim;
use esplain::lab::{JobEvent, Lab};

use super::lines::run;

#[test]
fn tshark_decrypts_the_simulators_capture_with_the_keys_it_printed() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let mut lab = Sim::ready(1);
    let capture = lab.start("worker", "tcpdump -pne -i any -w all-ipsec.cap", None).unwrap();
    assert!(run(&mut lab, "pod-a", "ping -c 2 10.0.1.165").text.contains(" 0% packet loss"));
    lab.send(capture, esplain::lab::Input::Interrupt).unwrap();
    while !matches!(lab.poll(capture, Duration::from_secs(10)).unwrap(), JobEvent::Exited(_)) {}
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("all-ipsec.cap");
    std::fs::write(&file, lab.read_file("worker", "all-ipsec.cap").unwrap()).unwrap();

    // The key as a learner copies it from the screen: the word behind the algorithm's name.
    let states = run(&mut lab, "worker", "ip xfrm state").text;
    let key = states.lines().find_map(|line| line.trim().strip_prefix("aead rfc4106(gcm(aes)) ")).unwrap();
    let key = key.split(' ').next().unwrap();
    let mut tshark = Command::new("tshark");
    tshark.arg("-r").arg(&file);
    tshark.args(["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]);
    tshark.arg("-o").arg(format!(
        r#"uat:esp_sa:"IPv4","*","*","0x00000003","AES-GCM with 16 octet ICV [RFC4106]","{key}","NULL","""#
    ));
    tshark.args(["-Y", "esp", "-T", "fields"]);
    tshark.args(["-e", "ip.src", "-e", "ip.dst", "-e", "esp.sequence", "-e", "icmp.type", "-e", "icmp.seq"]);
    let output = tshark.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    // Each request three times, each reply once; outer and inner addresses together.
    let request = "10.0.0.66,10.0.0.144\t10.0.1.236,10.0.1.165";
    let reply = "10.0.1.236,10.0.1.165\t10.0.0.66,10.0.0.144";
    let expected: String = (1..=2)
        .flat_map(|seq| {
            let request = format!("{request}\t{seq}\t8\t{seq}\n");
            [request.clone(), request.clone(), request, format!("{reply}\t{seq}\t0\t{seq}\n")]
        })
        .collect();
    assert_eq!(shown, expected);
}

#[test]
fn an_agent_that_starts_anew_attaches_its_program_to_the_pods_devices() {
    let mut lab = Sim::ready(1);
    let device = lab.facts().unwrap()["lxc_a"].clone();
    let filters = format!("tc filter show dev {device} ingress");
    assert!(run(&mut lab, "worker", &filters).text.contains("cil_from_container"));
    run(&mut lab, "worker", &format!("tc filter del dev {device} ingress"));
    assert_eq!(run(&mut lab, "worker", &filters).text, "");
    run(&mut lab, "machine", "kubectl -n kube-system rollout restart ds/cilium");
    run(&mut lab, "machine", "kubectl -n kube-system rollout status ds/cilium");
    assert!(run(&mut lab, "worker", &filters).text.contains("cil_from_container"));
}
