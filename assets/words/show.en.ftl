# What each field of a packet means on a node of this cluster, for `:show`. An id is `show-`, then `outer-` (around ESP)
# or `inner-` where that matters, the field's name in Wireshark, and a value where that matters.

show-octets = … ({ $count } octets)
show-who-host = cilium_host of { $node }
show-who-node = { $node } itself, on the kind network
show-who-pod = { $pod }

show-sll-pkttype = whether this node sent the frame, received it, or only overheard it (tcpdump's Out, In, P)
show-sll-ifindex = the number of the device it was seen on; `ip link` gives the name
show-outer-ip-src = { $who }: the state's source, written by XFRM; not a node's address and not a pod's
show-outer-ip-dst = { $who }: the state's destination; the receiver looks its state up by this address
show-inner-ip-src = { $who }
show-inner-ip-dst = { $who }
show-outer-ip-proto = 50 is ESP: all that a router on the way learns of the contents
show-outer-ip-ttl = XFRM writes a fresh 64; each router, the node itself included, takes one off
show-inner-ip-ttl = the pod sent 64; before encryption Cilium's program and the node's routing take one off each, and on delivery Cilium's program takes one more
show-outer-ip-len = this header, ESP with everything inside, and the ICV
show-inner-ip-len = the pod's packet as the pod sent it
show-outer-ip-flags-df = copied from the pod's packet
show-outer-ip-dsfield = copied from the pod's packet
show-esp-spi = the id of the key in Cilium's secret, { $key_id }; with the outer destination and the protocol it finds the state
show-esp-sequence = counts the packets of this state from 1; every copy of one packet has the same number
show-esp-iv = with the salt in front (the last 4 octets of the key, never sent) it is the nonce: salt ‖ IV, 12 octets
show-esp-contained-data = the pod's whole packet, shown decrypted below. From here to the ICV the octets stand as on the wire, encrypted; the values are decrypted
show-esp-pad = 01, 02, 03 …: fills up to a multiple of 4 octets
show-esp-pad-len = how much of it there is
show-esp-protocol = 4 is IPv4: a whole packet is inside, which is tunnel mode
show-esp-icv = AES-GCM's tag over SPI, sequence number and everything encrypted; it fits, so nobody changed anything
show-esp-encrypted-data = the key for it was not found, so nothing inside can be told: not even whether it is a ping
show-icmp-type = what the pod really said
show-icmp-ident = chosen by `ping`; the reply carries it back
show-icmp-seq = `icmp_seq` in ping's output
show-udp-dstport = who it is for

show-way-lxc-clear-in = It came from the pod through its veth. Cilium's program there has just set the mark { $value }: encrypt, and with which key. Everything that follows comes of that mark.
show-way-lxc-clear-out = It goes to the pod, in clear: the node has decrypted it, and the pod notices nothing of IPsec.
show-way-cilium-host-esp-out = The mark { $value } led here: a rule of priority 1 sends 0xe00/0xf00 to table 200, whose route says cilium_host; on that way the policy and the state with mark { $mark } encrypted it.
show-way-cilium-net-esp-other = cilium_net is the other end of cilium_host's veth, so the same packet comes in here once more. P: its destination MAC address is another device's. The program on cilium_host has cleared the mark on the way out.
show-way-cilium-net-esp-in = cilium_net is the other end of cilium_host's veth, so the same packet comes in here once more. The program on cilium_host has cleared the mark on the way out.
show-way-eth0-esp-out = Without a mark now, table main decides: the peer's pod network is via the peer node, dev eth0. This is what crosses the wire.
show-way-eth0-esp-in = From the wire. Cilium's program on eth0 sees ESP and sets the mark 0xd00: a rule of priority 1 sends it to table 200, whose `local` route hands it to XFRM to be decrypted.
show-way-eth0-clear-in = Decrypted by XFRM, it comes in on eth0 once more, now in clear. It was never so on the wire: the mark 0xd00 tells Cilium's program that it was decrypted here.
show-way-eth0-clear-out = In clear on the wire: nothing marked it, so no policy wanted it encrypted.
