# What fails where a paste is explained, a capture decrypted, keys exported.

paste-empty = { $name } is empty
paste-nothing = { $name } holds nothing that ip, tcpdump or /proc/net/xfrm_stat prints
paste-give-output = give it the output of a command: `ip xfrm state | esplain explain`
paste-reads = it reads `ip xfrm state|policy`, `ip rule`, `ip route`, `ip addr`, `tcpdump` and `/proc/net/xfrm_stat`
paste-too-long = { $name } is longer than { $size } MiB
paste-use-decrypt = to look into a capture, use `esplain decrypt`
decrypt-no-states = { $name } holds no state of `ip xfrm state`
decrypt-save-states = on a node of the tunnel: `sudo ip xfrm state > keys.txt`, then `--sa keys.txt`
decrypt-filter = the filter `{ $filter }` cannot be compiled
decrypt-filter-language = the language is that of `man pcap-filter`: try `--filter 'esp and host 10.0.0.66'`
decrypt-make-capture = make one with `tcpdump -i any -w all-ipsec.cap`, and give `ip xfrm state` text to --sa
decrypt-capture-there = capture on the node itself: `tcpdump -i any -w all-ipsec.cap`
decrypt-whole-frames = the whole frames before that place are shown above; stop `tcpdump` with Ctrl-C, not with `kill -9`
decrypt-write-files = write the others to files: `ip xfrm state > keys.txt`
decrypt-same-file = the plain capture would replace the one that is read
decrypt-other-name = give --write another name
decrypt-free-space = free some space (`df -h`), or give --write another place
decrypt-pcapng = end the name in .pcapng, which takes frames of several link types
export-too-old = Wireshark { $version } is too old: its words for AES-GCM are others
export-later = say `--for { $version }` or a later one
export-no-rows = none of the states can be told to Wireshark
export-with-keys = a listing with keys is made by `sudo ip xfrm state > keys.txt` on a node
decrypt-not-to-its-end = the capture { $from ->
    [stdin] on standard input
   *[file] { $name }
} cannot be read to its end
decrypt-unread = the capture { $from ->
    [stdin] on standard input
   *[file] { $name }
} cannot be read
decrypt-no-capture = { $from ->
    [stdin] standard input
   *[file] { $name }
} is not a capture
paste-now = Paste the text, then press Ctrl-D on a line of its own.
paste-standard-input = standard input
decrypt-keys-are = the keys are in the kernel of both nodes: `sudo ip xfrm state > keys.txt`
decrypt-then = then: `esplain decrypt { $capture } --sa keys.txt`
decrypt-no-sa = { $many ->
    [one] 1 frame
   *[more] { $frames } frames
}: no SA for SPI { $spi } to { $dst } ({ $some ->
    [no] no state to that destination is there
   *[yes] to that destination there is { $known }
}); compare `ip xfrm state` of both nodes, after a key rotation too
decrypt-bad-icv = { $many ->
    [one] 1 frame
   *[more] { $frames } frames
}: the ICV under SPI { $spi } to { $dst } is wrong with every key given; take `ip xfrm state` again from the node that sent them
decrypt-truncated = { $many ->
    [one] 1 frame
   *[more] { $frames } frames
} under SPI { $spi } were cut; capture whole frames: `tcpdump -s 0 -i any -w all-ipsec.cap`
decrypt-unsupported = { $many ->
    [one] 1 frame
   *[more] { $frames } frames
} under SPI { $spi } to { $dst }: `--format text` says why each was not opened
decrypt-malformed = { $many ->
    [one] 1 frame
   *[more] { $frames } frames
} under SPI { $spi } to { $dst } are damaged: `--format text` says how
