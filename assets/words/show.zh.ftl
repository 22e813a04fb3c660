# 包的每个字段在本集群节点上的含义，用于 `:show`。

show-octets = …（共 { $count } 字节）
show-who-host = { $node } 的 cilium_host
show-who-node = { $node } 节点自己（kind 网络地址）
show-who-pod = { $pod }

show-sll-pkttype = 这一帧是本节点发出的、收到的，还是旁听到的（tcpdump 的 Out、In、P）
show-sll-ifindex = 看到它的设备的编号；`ip link` 给出名字
show-outer-ip-src = { $who }：state 里的源地址，由 XFRM 写入；不是节点地址，也不是 Pod 地址
show-outer-ip-dst = { $who }：state 里的目的地址；接收方按这个地址查找 state
show-inner-ip-src = { $who }
show-inner-ip-dst = { $who }
show-outer-ip-proto = 50 就是 ESP：路上的路由器只能知道这么多
show-outer-ip-ttl = XFRM 重新写入 64；每经过一个路由器减一，本节点自己也算
show-inner-ip-ttl = Pod 发出时是 64；加密封装之前，Cilium 的程序和节点的路由各减了一
show-outer-ip-len = 本头部、整个 ESP 及其内容和 ICV
show-inner-ip-len = Pod 发出的包本身
show-outer-ip-flags-df = 从 Pod 的包复制而来：`ping` 会设置它
show-outer-ip-dsfield = 从 Pod 的包复制而来
show-esp-spi = Cilium 密钥 secret 里的密钥编号 { $key_id }；与外层目的地址和协议一起找到 state
show-esp-sequence = 该 state 的包从 1 开始计数；同一包的每个副本编号相同
show-esp-iv = 前面加上盐（密钥的最后 4 字节，从不发送）就是 nonce：salt ‖ IV，共 12 字节
show-esp-contained-data = Pod 的整个包：下面显示的是解密后的，线路上是加密的
show-esp-pad = 01、02、03……：填充到 4 字节的整数倍
show-esp-pad-len = 填充的长度
show-esp-protocol = 4 表示 IPv4：里面是一个完整的包，即隧道模式
show-esp-icv = AES-GCM 对 SPI、序号和全部密文算出的标签；它相符，说明没有人改动过
show-esp-encrypted-data = 没有找到它的密钥，所以里面的内容无从得知：连是不是 ping 都不知道
show-icmp-type = Pod 真正说的话
show-icmp-ident = 由 `ping` 选定；应答会原样带回
show-icmp-seq = ping 输出里的 `icmp_seq`
show-udp-dstport = 给谁的

show-way-lxc-clear-in = 它从 Pod 经 veth 而来。那里的 Cilium 程序刚刚设置了标记 { $value }：要加密，以及用哪个密钥。之后的一切都由这个标记决定。
show-way-lxc-clear-out = 它以明文交给 Pod：节点已经解密，Pod 完全察觉不到 IPsec。
show-way-cilium-host-esp-out = 标记 { $value } 把它带到这里：`ip rule` 1 把 0xe00/0xf00 送往表 200，那里的路由指向 cilium_host；途中标记为 { $mark } 的 policy 和 state 完成了加密。
show-way-cilium-net-esp-other = cilium_net 是 cilium_host 的 veth 另一端，所以同一个包又在这里进来一次。P 表示链路层地址是别人的。cilium_host 上的程序在发出时已清除标记。
show-way-cilium-net-esp-in = cilium_net 是 cilium_host 的 veth 另一端，所以同一个包又在这里进来一次。cilium_host 上的程序在发出时已清除标记。
show-way-eth0-esp-out = 现在没有标记，由 main 表决定：对端的 Pod 网段经对端节点、dev eth0。线路上传输的就是它。
show-way-eth0-esp-in = 来自线路。eth0 上的 Cilium 程序看到 ESP，设置标记 0xd00：`ip rule` 1 把它送往表 200，那里的 local 路由把它交给 XFRM 解密。
show-way-eth0-clear-in = XFRM 解密之后，它以明文在 eth0 上再次进来。它在线路上从来不是明文：标记 0xd00 告诉 Cilium 的程序，它是在这里解密的。
show-way-eth0-clear-out = 在线路上是明文：没有人给它做标记，所以没有 policy 要求加密。
