# 包的每个字段在本集群节点上的含义，用于 `:show`。

show-octets = …（共 { $count } 字节）
show-who-host = { $node } 的 cilium_host
show-who-node = { $node } 节点自己（kind 网络地址）
show-who-pod = { $pod }

show-sll-pkttype = 这一帧是本节点发出的、收到的，还是只是旁听到的（tcpdump 的 Out、In、P）
show-sll-ifindex = 在哪个设备上看到的，这是它的编号；`ip link` 可以查到名字
show-outer-ip-src = { $who }：state 里的源地址，由 XFRM 写入；不是节点地址，也不是 Pod 地址
show-outer-ip-dst = { $who }：state 里的目的地址；接收方按这个地址查找 state
show-inner-ip-src = { $who }
show-inner-ip-dst = { $who }
show-outer-ip-proto = 50 就是 ESP：路上的路由器只能知道这么多
show-outer-ip-ttl = XFRM 重新写入 64；每经过一个路由器减一，本节点自己也算一个
show-inner-ip-ttl = Pod 发出时是 64；加密之前，Cilium 的程序和节点的路由各减一，交付时 Cilium 的程序再减一
show-outer-ip-len = 本头部，加上 ESP 连同里面的一切，直到 ICV
show-inner-ip-len = Pod 的包，和 Pod 发出时一样长
show-outer-ip-flags-df = 从 Pod 的包复制而来
show-outer-ip-dsfield = 从 Pod 的包复制而来
show-esp-spi = Cilium 密钥 secret 里的密钥编号 { $key_id }；与外层目的地址和协议一起找到 state
show-esp-sequence = 这个 state 的包从 1 开始计数；同一个包的每个副本，序列号都相同
show-esp-iv = 前面接上 salt（密钥的最后 4 字节，从不传输）就是 nonce：salt ‖ IV，共 12 字节
show-esp-contained-data = Pod 的整个包，下面显示的是解密后的。从这里到 ICV，字节是线路上的样子（加密的），数值是解密后的
show-esp-pad = 01、02、03……：填充到 4 字节的整数倍
show-esp-pad-len = 填充的长度
show-esp-protocol = 4 表示 IPv4：里面是一个完整的包，即隧道模式
show-esp-icv = AES-GCM 对 SPI、序列号和全部密文算出的校验值；它对得上，说明没有人改动过
show-esp-encrypted-data = 没有找到它的密钥，所以里面是什么无从得知，连是不是 ping 都不知道
show-icmp-type = Pod 真正说的内容
show-icmp-ident = 由 `ping` 选定；应答原样带回
show-icmp-seq = ping 输出里的 `icmp_seq`
show-udp-dstport = 发给谁

show-way-lxc-clear-in = 它从 Pod 经 veth 而来。那里的 Cilium 程序刚刚打上 mark { $value }：要加密，以及用哪个密钥。之后的一切都由这个 mark 而来。
show-way-lxc-clear-out = 它以明文交给 Pod：节点已经解密，Pod 完全察觉不到 IPsec。
show-way-cilium-host-esp-out = 是 mark { $value } 把它带到这里：优先级 1 的规则让 0xe00/0xf00 查表 200，表里的路由指向 cilium_host；就在这条路上，带 mark { $mark } 的 policy 和 state 把它加密了。
show-way-cilium-net-esp-other = cilium_net 是 cilium_host 那对 veth 的另一端，所以同一个包在这里又进来一次。P：它的目的 MAC 是别的设备的。cilium_host 上的程序在它出去时清除了 mark。
show-way-cilium-net-esp-in = cilium_net 是 cilium_host 那对 veth 的另一端，所以同一个包在这里又进来一次。cilium_host 上的程序在它出去时清除了 mark。
show-way-eth0-esp-out = 现在没有 mark，由 main 表决定：去往对端 Pod 网段的路由经由对端节点，dev eth0。线路上传输的就是这个包。
show-way-eth0-esp-in = 来自线路。eth0 上的 Cilium 程序看到 ESP，打上 mark 0xd00：优先级 1 的规则让它查表 200，表里的 `local` 路由把它交给 XFRM 解密。
show-way-eth0-clear-in = XFRM 解密之后，它以明文在 eth0 上再次进来。它在线路上从来不是明文：mark 0xd00 告诉 Cilium 的程序，它是在这里解密的。
show-way-eth0-clear-out = 在线路上是明文：没有谁给它打 mark，所以没有 policy 要求加密。
