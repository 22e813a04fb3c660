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
