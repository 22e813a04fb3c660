//! Capture files and pipes: pcap, pcapng, gzip of these; live libpcap; BPF filters; writers. Memory stays constant in
//! the size of a capture.
