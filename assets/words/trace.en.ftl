# The way of one packet, hop by hop (`esplain trace`, `:trace`).

trace-title = { $from } → { $to }, simulated
trace-mark = mark { $before } → { $after }
trace-sent = the packet begins its way
trace-seen = tcpdump shows it: { $device } { $direction }, { $octets } octets
trace-and = { "; " }
trace-hook = { $program } on the { $point } of { $device }: { $done }
trace-hook-nothing = lets it pass
trace-hook-mark = sets the mark { $mark }
trace-hook-host = makes it a packet for this host (PACKET_HOST)
trace-hook-ipcache = the destination is behind node { $node }, both ends have key { $key } (identity { $identity })
trace-hook-ipcache-clear = the destination is not one to encrypt for (identity { $identity })
trace-hook-ttl = TTL { $ttl }
trace-hook-decrypt = it is ESP and to be decrypted here
trace-hook-decrypted = it was decrypted here and goes on to its pod
trace-hook-arp = answers the ARP request itself
trace-hook-redirect = redirects it to another device
trace-hook-drop = drops it: { $why }
trace-route-purpose = { $purpose ->
    [input] route of the packet that came in
    [outer] route of the ESP packet around it, looked up with the state's output-mark
    [reverse] way back to its source (rp_filter, accept_local)
   *[output] route of the node's own packet
}
trace-route = { $purpose }: rule `{ $rule }`, table { $table }, `{ $route }`{ $to ->
    [local] : it is for this node
   *[on] { "" }
}
trace-route-refused = { $purpose }: a rule or route refuses it
trace-route-nothing = { $purpose }: there is none
trace-policy-none = no { $dir } policy fits, and none is needed
trace-policy-pass = { $dir } policy `{ $policy }` lets it pass as it is
trace-policy-transform = { $dir } policy `{ $policy }` asks for encryption: the state with SPI { $spi }
trace-policy-refused = { $dir } policy check fails ({ $policy }): { $counter }
trace-encrypted = state `{ $state }` encrypts it, sequence number { $seq }: { $before } octets become { $after }
trace-decrypted = state `{ $state }` decrypts it, sequence number { $seq }: { $after } octets come in again on { $device }
trace-forwarded = forwarded to { $device }, TTL { $ttl }
trace-neighbour = next hop { $address } is at { $mac }
trace-neighbour-asked = next hop { $address } is asked for with ARP
trace-fragmented = longer than the MTU { $mtu }: { $pieces } fragments
trace-delivered = delivered to this host, IP protocol { $protocol }
trace-complaint = an ICMP error goes to { $to }: type { $type }, code { $code }, MTU { $mtu }
trace-dropped = dropped ({ $name }): { $why }
trace-end-delivered = Delivered to { $place }.
trace-end-dropped = Dropped on { $place } ({ $name }): { $why }.
trace-title-predicted = { $from } → { $to }, predicted from the text of the nodes' own tools
trace-end-leaves = It leaves { $place } for somebody of whom no text is known.
trace-end-waits = It waits on { $place } for a next hop that does not answer.
trace-drop = { $reason ->
    [xfrm] the counter { $name } in /proc/net/xfrm_stat says why
    [other-host] the frame is for another host's MAC address, and no counter tells
    [no-carrier] the device is down
    [bad-header] its IP header is damaged
    [martian-source] its source is an address of this node, and accept_local is off here; no counter tells
    [reverse-path] rp_filter: the way back is by another device
    [martian-destination] nothing can be sent to such a destination
    [no-route] there is no route
    [not-forwarding] this host does not forward
    [refused] a rule or route says so
    [ttl] its TTL has run out
    [too-big] it is too long and must not be fragmented
    [no-neighbour] nobody answers for the next hop
    [hook] an eBPF program says so ({ $name })
    [no-socket] no program waits for it
    [no-policy] no XFRM policy fits it, and the default policy is block; no counter tells
    [no-memory] there is no memory for one more header: Linux doubles a packet's buffer each time it wraps it
   *[no-protocol] this host does not know its protocol
}

# A prediction: what had to be assumed for it, and how it compares with what was captured.

predict-assumed = Assumed, for no text says it:
predict-unread = Lines that were not understood:
predict-assumed-sysctls = { $place } forwards, rp_filter is off, accept_local is on at cilium_host and cilium_net (no sysctl text)
predict-assumed-programs = { $place } runs the eBPF programs of Cilium 1.13 at lxc*, cilium_host, cilium_net and its network device (no tc text)
predict-assumed-passes = `{ $program }` at { $device } of { $place } lets every packet pass as it is
predict-assumed-keys = the keys of all nodes are the same (their text hides them)
predict-assumed-identity = every pod has the security identity 256 (0x0100 in the upper half of Cilium's marks)
predict-assumed-key-id = { $place } has several keys and sends with the newest, { $key }
predict-assumed-pod = { $address } is a pod at { $device } of { $place } (it has no text of its own)
predict-equal = Seen as predicted: { $seen } of { $predicted } sightings.
predict-differs = Prediction and capture differ: { $seen } of { $predicted } predicted sightings were seen.
predict-missing = predicted, not seen{ $times ->
    [1] { "" }
   *[other] {" "}({ $times } times)
}: { $what }
predict-extra = seen, not predicted{ $times ->
    [1] { "" }
   *[other] {" "}({ $times } times)
}: { $what }
predict-clear = in clear { $ends }
predict-esp = ESP { $ends } SPI { $spi }, inside { $inner }
predict-reason = { $reason ->
    [sender] The packet did not set out: see what `ping` itself says.
    [encryption] Likely: OUT policy and state. On { $place } look for XfrmOutNoStates or XfrmOutPolError in /proc/net/xfrm_stat, then `ip xfrm policy` and `ip xfrm state`.
    [decryption] Likely: the IN state. On { $place } look for XfrmInNoStates (no state, or no mark 0xd00) or XfrmInStateProtoError (another key) in /proc/net/xfrm_stat.
    [policy] Likely: the FWD policies. On { $place } look for XfrmInNoPols or XfrmInTmplMismatch in /proc/net/xfrm_stat.
    [forwarding] Likely: what { $place } does with a packet from { $device }: accept_local, rp_filter, ip_forward, the route, or the frame's MAC address. No XFRM counter tells; `sysctl net.ipv4.conf.{ $device }.accept_local` and `ip route get` do.
    [key] It was encrypted with another key: SPI { $spi } was seen. `ip xfrm state` and `ip xfrm policy` on { $place } say which keys are installed.
    [network] Likely: the network between the nodes, or the next hop's entry in `ip neigh`.
   *[clear] It left in clear: on { $place } the mark 0x…e00, the rule for it or the OUT policy is missing.
}
