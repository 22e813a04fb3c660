//! esplain beside the tools that do a part of its work: `tshark` (which decrypts), `tcpdump` (which does not), and OpenSSL's
//! cipher (which reads and writes nothing).
//!
//! `cargo bench --bench peers` writes captures of ESP packets (AES-128-GCM, tunnel mode) to memory, lets every tool read
//! them in turn, and prints ratios of medians taken in this one run: figures of one machine say little on another. What
//! esplain writes is compared, octet for octet, with the capture of the packets inside. `ESPLAIN_BENCH_PACKETS` sets how
//! many packets a capture has (200000).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement, which prints and which may fail loudly"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use esplain::esp::{Algorithms, Sa, Secret, Spi};

const ESPLAIN: &str = env!("CARGO_BIN_EXE_esplain");
/// Each tool's runs; the first of all is thrown away, and the median of the others counts.
const RUNS: usize = 4;
const KEY: [u8; 20] = [7; 20];
const SRC: [u8; 4] = [10, 0, 0, 66];
const DST: [u8; 4] = [10, 0, 1, 236];

/// A capture, the one that comes out of it, and the keys.
struct Workload {
    name: &'static str,
    packets: u32,
    /// Octets of the inner packets, in turn.
    sizes: &'static [usize],
    esp: PathBuf,
    plain: PathBuf,
    states: PathBuf,
}

/// One run of a tool.
#[derive(Clone, Copy)]
struct Run {
    took: Duration,
    /// The most memory it had, in kB, as far as it was seen.
    peak: u64,
}

fn main() {
    let packets = std::env::var("ESPLAIN_BENCH_PACKETS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let workloads: Vec<Workload> =
        [("ping", &[84][..]), ("imix", &[40, 40, 40, 40, 40, 40, 40, 576, 576, 576, 576, 1400]), ("1400", &[1400])]
            .into_iter()
            .map(|(name, sizes)| Workload::write(folder.path(), name, packets, sizes))
            .collect();
    println!("{packets} packets each, AES-128-GCM, ICV 128, tunnel mode; medians of {} runs in turn", RUNS - 1);
    println!("{:<10}{:<44}{:>8}{:>12}{:>10}", "", "", "kpps", "peak kB", "ratio");
    for work in &workloads {
        to_a_capture(work, folder.path());
        as_text(work);
        as_json(work);
    }
    memory_is_constant(folder.path(), packets);
    starts();
}

/// Decrypted into a capture, against tshark that decrypts and prints a line.
fn to_a_capture(work: &Workload, folder: &Path) {
    let out = folder.join("out.pcap");
    let ours = |threads: &str| {
        // What an earlier run wrote is not this one's work to remove.
        let _ = std::fs::remove_file(&out);
        let mut call = work.esplain("none");
        call.args(["--threads", threads, "--write"]).arg(&out);
        call
    };
    let rows = [
        measured("esplain decrypt --write", &mut || ours("1")),
        measured("esplain decrypt --write --threads 2", &mut || ours("2")),
        measured("tshark, decrypting, a line a packet", &mut || work.tshark(&[])),
        ("OpenSSL EVP alone (openssl speed)", openssl(work)),
    ];
    let _ = ours("2").status();
    assert!(
        std::fs::read(&out).unwrap() == std::fs::read(&work.plain).unwrap(),
        "{}: not the packets inside",
        work.name
    );
    print(work, &rows, 2);
}

/// OpenSSL's cipher alone: key set once, then IV, AAD, body and tag of packet after packet, all in the same memory.
fn openssl(work: &Workload) -> Option<Run> {
    let seconds = |size: usize| {
        let body = (size + 2).next_multiple_of(4);
        let mut call = Command::new("openssl");
        call.args(["speed", "-elapsed", "-seconds", "1", "-mr", "-evp", "aes-128-gcm", "-aead", "-decrypt", "-bytes"]);
        let said = call.arg(body.to_string()).stderr(Stdio::null()).output().ok()?.stdout;
        // `+F:22:AES-128-GCM:1914379600.00`, octets in a second.
        let said =
            String::from_utf8_lossy(&said).lines().find_map(|line| Some(line.strip_prefix("+F:")?.to_owned()))?;
        Some(f64::from(u32::try_from(body).ok()?) / said.rsplit(':').next()?.parse::<f64>().ok()?)
    };
    // The best of a few: it is a limit.
    let seconds = |size: usize| (1..RUNS).filter_map(|_| seconds(size)).min_by(f64::total_cmp);
    let mut of_size = BTreeMap::new();
    for size in work.sizes {
        if !of_size.contains_key(size) {
            of_size.insert(size, seconds(*size)?);
        }
    }
    let took: f64 = work.sizes.iter().cycle().zip(0..work.packets).map(|(size, _)| of_size[size]).sum();
    Some(Run { took: Duration::from_secs_f64(took), peak: 0 })
}

/// A line a packet, decrypting, against `tcpdump -nn`, which does not decrypt.
fn as_text(work: &Workload) {
    let rows = [
        measured("esplain decrypt --format text", &mut || work.esplain("text")),
        measured("tcpdump -nn, not decrypting", &mut || {
            let mut call = Command::new("tcpdump");
            call.args(["-nn", "-r"]).arg(&work.esp);
            call
        }),
    ];
    print(work, &rows, 1);
}

/// JSON, against tshark's fields.
fn as_json(work: &Workload) {
    const FIELDS: [&str; 6] = ["frame.time_epoch", "ip.src", "ip.dst", "esp.spi", "esp.sequence", "icmp.seq"];
    let fields: Vec<&str> = ["-T", "fields"].into_iter().chain(FIELDS.iter().flat_map(|field| ["-e", field])).collect();
    let rows = [
        measured("esplain decrypt --format json", &mut || work.esplain("json")),
        measured("tshark, decrypting, -T fields (6 fields)", &mut || work.tshark(&fields)),
    ];
    print(work, &rows, 1);
}

/// The same work with ten times the packets.
fn memory_is_constant(folder: &Path, packets: u32) {
    let peak = |packets: u32| {
        let work = Workload::write(folder, "memory", packets, &[1400]);
        run(&mut work.esplain("none")).unwrap().peak
    };
    println!("peak memory: {} kB for {} packets, {} kB for {packets}", peak(packets / 10), packets / 10, peak(packets));
}

fn starts() {
    let version = || {
        let mut call = Command::new(ESPLAIN);
        call.arg("--version");
        call
    };
    let took = median(&mut (0..20).filter_map(|_| run(&mut version())).map(|run| run.took).collect::<Vec<_>>());
    println!("esplain --version: {:.1} ms", took.as_secs_f64() * 1000.0);
}

impl Workload {
    fn write(folder: &Path, name: &'static str, packets: u32, sizes: &'static [usize]) -> Self {
        let work = Self {
            name,
            packets,
            sizes,
            esp: folder.join(format!("{name}.pcap")),
            plain: folder.join(format!("{name}.plain.pcap")),
            states: folder.join("states"),
        };
        let states = format!(
            "src 10.0.0.66 dst 10.0.1.236\n\tproto esp spi 0x00000003 reqid 1 mode tunnel\n\treplay-window 0 \n\
             \taead rfc4106(gcm(aes)) 0x{} 128\n\tsel src 0.0.0.0/0 dst 0.0.0.0/0 \n",
            "07".repeat(KEY.len())
        );
        std::fs::write(&work.states, states).unwrap();
        let algorithms =
            Algorithms::Aead { name: "rfc4106(gcm(aes))".into(), key: Secret::new(KEY.to_vec()), icv_bits: 128 };
        let sa = Sa::new(Spi(3), false, &algorithms).unwrap();
        let mut esp = capture(&work.esp);
        let mut plain = capture(&work.plain);
        let mut sealed = Vec::new();
        for (number, size) in (0..packets).zip(sizes.iter().cycle()) {
            let inner = inner_packet(*size, number);
            sealed.clear();
            let iv = u64::from(number).to_be_bytes();
            sa.seal(u64::from(number) + 1, &iv, 4, &inner, &mut sealed).unwrap();
            let outer = ipv4(50, SRC, DST, &sealed);
            record(&mut esp, number, &outer);
            record(&mut plain, number, &inner);
        }
        esp.flush().unwrap();
        plain.flush().unwrap();
        work
    }

    fn esplain(&self, format: &str) -> Command {
        let mut call = Command::new(ESPLAIN);
        call.arg("decrypt").arg(&self.esp).arg("--sa").arg(&self.states).args(["--format", format]);
        call
    }

    fn tshark(&self, more: &[&str]) -> Command {
        let (key, algorithm) = ("07".repeat(KEY.len()), "AES-GCM with 16 octet ICV [RFC4106]");
        let sa =
            format!(r#"uat:esp_sa:"IPv4","10.0.0.66","10.0.1.236","0x00000003","{algorithm}","0x{key}","NULL","""#);
        let mut call = Command::new("tshark");
        call.args(["-n", "-o", "esp.enable_encryption_decode:TRUE", "-o", &sa]).args(more).arg("-r").arg(&self.esp);
        call
    }
}

/// The runs of a tool, or nothing where it is not installed.
fn measured(name: &'static str, call: &mut dyn FnMut() -> Command) -> (&'static str, Option<Run>) {
    let runs: Vec<Run> = (0..RUNS).filter_map(|_| run(&mut call())).skip(1).collect();
    if runs.is_empty() {
        return (name, None);
    }
    let took = median(&mut runs.iter().map(|run| run.took).collect::<Vec<_>>());
    (name, Some(Run { took, peak: runs.iter().map(|run| run.peak).max().unwrap_or(0) }))
}

/// Prints rows; the ratio is how many times as fast each is as row `peer`.
fn print(work: &Workload, rows: &[(&'static str, Option<Run>)], peer: usize) {
    let peer = rows.get(peer).and_then(|(_, run)| *run);
    for (name, run) in rows {
        let Some(run) = run else {
            println!("{:<10}{name:<44} is not here", work.name);
            continue;
        };
        let ratio =
            peer.map_or_else(String::new, |peer| format!("{:.2}", peer.took.as_secs_f64() / run.took.as_secs_f64()));
        let kpps = f64::from(work.packets) / run.took.as_secs_f64() / 1000.0;
        println!("{:<10}{name:<44}{kpps:>8.0}{:>12}{ratio:>10}", work.name, run.peak);
    }
}

/// Runs a tool to its end, its output thrown away.
fn run(call: &mut Command) -> Option<Run> {
    let begun = Instant::now();
    let mut child = call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let status = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    let (took, peak) = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                // The high-water mark of a process that still is; seldom enough not to slow it.
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                peak = high.and_then(|high| high.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
                thread::sleep(Duration::from_millis(5));
            }
            peak
        });
        let status = child.wait().unwrap();
        let took = begun.elapsed();
        ended.store(true, Ordering::Relaxed);
        assert!(status.success(), "{call:?}: {status}");
        (took, watch.join().unwrap())
    });
    Some(Run { took, peak })
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A pcap file of Ethernet frames with microseconds, of this machine's byte order (pcap-savefile(5)).
fn capture(path: &Path) -> BufWriter<File> {
    let mut file = BufWriter::new(File::create(path).unwrap());
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1] {
        file.write_all(&word.to_ne_bytes()).unwrap();
    }
    file
}

fn record(file: &mut impl Write, number: u32, packet: &[u8]) {
    let len = u32::try_from(14 + packet.len()).unwrap();
    for word in [1_700_000_000 + number / 1000, number % 1000 * 1000, len, len] {
        file.write_all(&word.to_ne_bytes()).unwrap();
    }
    file.write_all(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]).unwrap();
    file.write_all(packet).unwrap();
}

/// An echo request of so many octets, IP header included.
fn inner_packet(len: usize, number: u32) -> Vec<u8> {
    let seq = u16::try_from(number & 0xffff).unwrap().to_be_bytes();
    let mut icmp = [&[8, 0, 0, 0, 0, 7], &seq[..], &vec![0x5a; len - 28]].concat();
    let sum = checksum(&icmp).to_be_bytes();
    icmp[2..4].copy_from_slice(&sum);
    ipv4(1, [10, 0, 0, 144], [10, 0, 1, 165], &icmp)
}

fn ipv4(protocol: u8, src: [u8; 4], dst: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut header = [&[0x45, 0][..], &len, &[0, 0, 0x40, 0, 63, protocol, 0, 0], &src, &dst].concat();
    let sum = checksum(&header).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
    [header, payload.to_vec()].concat()
}

/// RFC 1071.
fn checksum(octets: &[u8]) -> u16 {
    let sum: u32 = octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}
