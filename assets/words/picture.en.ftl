# Pictures (`esplain picture`, `:picture`).

picture-esp = An ESP packet of the ping, on its way
picture-esp-outer = Outer IPv4 header
picture-esp-spi = SPI
picture-esp-seq = Sequence number
picture-esp-iv = IV
picture-esp-inner = Inner: { $layer }
picture-esp-pad = Padding
picture-esp-pad-len = Pad length
picture-esp-next = Next header
picture-esp-icv = ICV
picture-esp-covered = covered by the ICV
picture-esp-encrypted = encrypted
picture-path = The way of a ping: where tcpdump -i any sees it
picture-path-encrypted = encrypted
picture-path-decrypted = decrypted
picture-path-clear = In clear: as the pod sent it, or as it was decrypted.
picture-path-esp = ESP: cilium_host, cilium_net and eth0 show the same packet; it was encrypted once.
picture-needs-cluster = There is no cluster yet, and so no packet whose way or octets could be drawn: `:picture architecture` shows the plan.
picture-unknown = there is no picture `{ $name }`
picture-known = the pictures are architecture, path and esp
picture-no-esp = no ESP packet was seen yet that the node's states open
picture-no-esp-hint = `ping` the other pod once, then `:picture esp`
