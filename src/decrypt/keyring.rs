use std::net::IpAddr;

use foldhash::HashMap;

use crate::esp::{OpenError, Opened, Sa, Spi, Unusable};
use crate::xfrm::{EncapType, Proto, State};

/// The SAs that may open what was captured: the states of one node or of many, each compiled once.
///
/// States of several nodes may share destination and SPI (a key that was changed, a copy of the same key): then each is
/// tried, and the ICV decides.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    entries: Vec<Entry>,
    by_dst_and_spi: HashMap<(IpAddr, Spi), Vec<usize>>,
    encap_ports: Vec<u16>,
}

/// A state and what became of its algorithms.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The state, as its listing says.
    pub state: State,
    /// The compiled SA, or why it cannot open anything.
    pub sa: Result<Sa, Unusable>,
}

/// How the trial of all SAs that fit an ESP packet ended.
pub(super) enum Trial<'k> {
    Opened(usize, Opened),
    /// No state has this destination and SPI.
    NoSa,
    /// Some do, but none of their algorithms can be used; the reason of the first.
    Unusable(&'k Unusable),
    /// None of the SAs tried opened it; what the first said, and how many were tried.
    Failed(OpenError, usize),
}

impl Keyring {
    /// Compiles ESP states. States of other protocols are left out, as is a state that is already there (both ends of an
    /// SA print the same).
    pub fn new<'s>(states: impl IntoIterator<Item = &'s State>) -> Self {
        let mut keyring = Self::default();
        states.into_iter().for_each(|state| keyring.add(state));
        keyring
    }

    /// Adds one state, as [`new`](Self::new) does.
    pub fn add(&mut self, state: &State) {
        if state.proto != Proto::Esp {
            return;
        }
        let bucket = self.by_dst_and_spi.entry((state.dst, state.spi)).or_default();
        let twin = |&at: &usize| self.entries.get(at).is_some_and(|entry| opens_the_same(&entry.state, state));
        if bucket.iter().any(twin) {
            return;
        }
        bucket.push(self.entries.len());
        if let Some(encap) = state.encap.filter(|encap| encap.kind == EncapType::EspInUdp) {
            for port in [encap.sport, encap.dport] {
                if port != 0 && !self.encap_ports.contains(&port) {
                    self.encap_ports.push(port);
                }
            }
        }
        self.entries.push(Entry { state: state.clone(), sa: state.compile() });
    }

    /// The states and their SAs, in the order in which they were added.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The SPIs that there are for a destination, for saying what was expected when none fits.
    pub fn spis_to(&self, dst: IpAddr) -> Vec<Spi> {
        let mut spis: Vec<Spi> = self.by_dst_and_spi.keys().filter(|(to, _)| *to == dst).map(|(_, spi)| *spi).collect();
        spis.sort_unstable();
        spis
    }

    /// The states for destination and SPI, the likeliest first: those with this very source, then those with a wildcard
    /// source, then the rest, since the kernel does not compare the source on input (`xfrm_state_lookup`).
    ///
    /// With `mark`, the packet's mark at the time of the lookup, states whose mark it does not fit are left out.
    pub fn lookup(
        &self,
        src: IpAddr,
        dst: IpAddr,
        spi: Spi,
        mark: Option<u32>,
    ) -> impl Iterator<Item = (usize, &Entry)> {
        let bucket = self.by_dst_and_spi.get(&(dst, spi)).map(Vec::as_slice).unwrap_or_default();
        (0..3).flat_map(move |rank| {
            bucket
                .iter()
                .filter_map(|&at| self.entries.get(at).map(|entry| (at, entry)))
                .filter(move |(_, entry)| source_rank(entry.state.src, src) == rank)
                .filter(move |(_, entry)| mark.zip(entry.state.mark).is_none_or(|(mark, wanted)| wanted.fits(mark)))
        })
    }

    /// Tries every SA that fits on `packet` (SPI to ICV) until an ICV is right; then the packet is open in place, and
    /// else what it was. `sealed` is the same packet once more, which a trial that fails is repaired from.
    pub(super) fn open(&self, src: IpAddr, dst: IpAddr, spi: Spi, sealed: &[u8], packet: &mut [u8]) -> Trial<'_> {
        let mut unusable = None;
        let mut failed = None;
        let mut tried = 0;
        for (at, entry) in self.lookup(src, dst, spi, None) {
            let sa = match &entry.sa {
                Ok(sa) => sa,
                Err(error) => {
                    unusable = unusable.or(Some(error));
                    continue;
                }
            };
            tried += 1;
            match open_with(sa, &entry.state, sealed, packet) {
                Ok(opened) => return Trial::Opened(at, opened),
                // The ICV was right: no other SA will open what is in clear now.
                Err(error @ OpenError::PadLength { .. }) => return Trial::Failed(error, tried),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match (failed, unusable) {
            (Some(error), _) => Trial::Failed(error, tried),
            (None, Some(unusable)) => Trial::Unusable(unusable),
            (None, None) => Trial::NoSa,
        }
    }

    /// Whether a UDP port carries ESP because a state says so (`encap type espinudp`), beside the well-known 4500.
    pub(super) fn is_encap_port(&self, port: u16) -> bool {
        self.encap_ports.contains(&port)
    }
}

/// Opens with one SA. The high half of an extended sequence number does not travel; those near where the state's
/// listing stood are tried, and then the first.
fn open_with(sa: &Sa, state: &State, sealed: &[u8], packet: &mut [u8]) -> Result<Opened, OpenError> {
    let mut trial = |seq_high| {
        let result = sa.open(packet, seq_high);
        if matches!(result, Err(OpenError::BadIcv { .. })) {
            packet.copy_from_slice(sealed);
        }
        result
    };
    if !sa.esn() {
        return trial(0);
    }
    let low = sealed.get(4..8).and_then(|octets| octets.first_chunk()).map_or(0, |octets| u32::from_be_bytes(*octets));
    let stands = state.replay.as_ref().map_or(0, |replay| replay.sent().max(replay.received()));
    let nearest = nearest_high(stands, low);
    let mut result = trial(nearest);
    for high in [nearest.wrapping_sub(1), nearest.wrapping_add(1), 0] {
        if !matches!(result, Err(OpenError::BadIcv { .. })) {
            break;
        }
        result = trial(high);
    }
    result
}

/// The high half that brings `low` nearest to `stands`.
fn nearest_high(stands: u64, low: u32) -> u32 {
    let high = (stands >> 32) as u32;
    let distance = i64::from(low) - i64::from(stands as u32);
    match distance {
        ..=-0x8000_0001 => high.saturating_add(1),
        0x8000_0001.. => high.saturating_sub(1),
        _ => high,
    }
}

fn source_rank(have: IpAddr, packet: IpAddr) -> u8 {
    if have == packet {
        0
    } else if have.is_unspecified() {
        1
    } else {
        2
    }
}

fn opens_the_same(a: &State, b: &State) -> bool {
    (a.src, a.mode, a.mark, a.flags) == (b.src, b.mode, b.mark, b.flags) && a.algorithms == b.algorithms
}
