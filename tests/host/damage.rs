//! What others wrote, damaged: texts of nodes, recordings, scripts. Each is read or refused, and never a panic.

use std::fs;
use std::sync::LazyLock;

use esplain::datapath::rebuild::{NodeTexts, Rebuilt, Text};
use esplain::lab::recording::{Keys, Playback, Walk};
use esplain::lab::sim::Sim;
use esplain::lab::{Lab, node_texts};
use esplain::replay::Script;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::lines::run;
use super::recording::{curious_walk, unpacked};

/// Some characters of a text cut out and others put in their place.
#[derive(Debug, Clone)]
pub(crate) struct Damage(Vec<(Index, usize, String)>);

impl Damage {
    /// A few such places.
    pub(crate) fn some() -> impl Strategy<Value = Self> {
        let edit = (any::<Index>(), 0..40_usize, "\\PC{0,6}|[ \t\n]{1,3}|[0-9a-fx/:(),\\[\\]{}\"]{1,8}");
        vec(edit, 1..12).prop_map(Self)
    }

    /// The text after it.
    pub(crate) fn of(&self, text: &str) -> String {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, put) in &self.0 {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, put.chars());
        }
        text.into_iter().collect()
    }
}

/// The texts of a cluster that is ready.
static NODES: LazyLock<Vec<NodeTexts>> = LazyLock::new(|| node_texts(&mut Sim::ready(7)).unwrap());

/// A recording of somebody curious, unpacked: lines of JSON.
static RECORDING: LazyLock<String> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walk.esplain");
    curious_walk(&path, Keys::Substitutes);
    String::from_utf8(unpacked(&path)).unwrap()
});

proptest! {
    // Each case rebuilds a cluster, or reads a whole recording.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cluster_is_rebuilt_of_damaged_texts_or_refused(
        node in any::<Index>(),
        text in select(Text::ALL.to_vec()),
        damage in Damage::some(),
    ) {
        let mut nodes = NODES.clone();
        let node = node.index(nodes.len());
        let damaged = damage.of(nodes[node].get(text).unwrap_or_default());
        nodes[node].put(text, "damaged", damaged);
        if let Ok(mut rebuilt) = Rebuilt::from_texts(&nodes) {
            for from in ["pod-a", "cilium-ipsec-native-routing-worker"] {
                let Some(from) = rebuilt.cluster.find(from) else { continue };
                // That it does not get there is a result like any other.
                let _ = rebuilt.trace(from, [10, 0, 1, 165].into(), 56);
            }
        }
    }

    #[test]
    fn a_damaged_recording_is_played_as_far_as_it_goes_or_refused(damage in Damage::some()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("walk.esplain");
        fs::write(&path, damage.of(&RECORDING)).unwrap();
        let walk = Walk::read(&path);
        let playback = Playback::open(&path);
        prop_assert_eq!(walk.is_ok(), playback.is_ok());
        if let Ok(mut lab) = playback
            && lab.places().is_ok_and(|places| places.iter().any(|place| place.name == "machine"))
            && lab.start("machine", "ls", None).is_ok()
        {
            run(&mut lab, "machine", "ls");
        }
    }

    #[test]
    fn a_script_is_read_or_refused(text in "(:?[a-z$ |]{0,12}(=[>!~?])?[ (\\[*0-9]{0,3}\\\\?\n){0,12}|\\PC{0,80}") {
        let _ = Script::read("script", &text);
    }
}
