# 一个数据包的路径，逐跳说明（`esplain trace`、`:trace`）。

trace-title = { $from } → { $to }，模拟
trace-mark = mark { $before } → { $after }
trace-sent = 包从这里出发
trace-seen = tcpdump 能看到它：{ $device } { $direction }，{ $octets } 字节
trace-and = { "；" }
trace-hook = { $program }（{ $device } 的 { $point }）：{ $done }
trace-hook-nothing = 放行
trace-hook-mark = 把 mark 设为 { $mark }
trace-hook-host = 把它改成发给本机的包（PACKET_HOST）
trace-hook-ipcache = 目的地址在节点 { $node } 后面，两端都有密钥 { $key }（身份标识 { $identity }）
trace-hook-ipcache-clear = 发往这个目的地址的包不需要加密（身份标识 { $identity }）
trace-hook-ttl = TTL { $ttl }
trace-hook-decrypt = 这是 ESP，要在本机解密
trace-hook-decrypted = 它是在本机解密的，接着送往它的 Pod
trace-hook-arp = 由它自己应答 ARP 请求
trace-hook-redirect = 重定向到另一个设备
trace-hook-drop = 丢弃：{ $why }
trace-route-purpose = { $purpose ->
    [input] 收到的包的路由
    [outer] 外层 ESP 包的路由（用 state 的 output-mark 查找）
    [reverse] 回到源地址的路由（rp_filter、accept_local）
   *[output] 本机发出的包的路由
}
trace-route = { $purpose }：规则 `{ $rule }`，路由表 { $table }，`{ $route }`{ $to ->
    [local] ，即发给本节点
   *[on] { "" }
}
trace-route-refused = { $purpose }：被规则或路由拒绝
trace-route-nothing = { $purpose }：没有路由
trace-policy-none = 没有匹配的 { $dir } policy，也不需要有
trace-policy-pass = { $dir } policy `{ $policy }` 原样放行
trace-policy-transform = { $dir } policy `{ $policy }` 要求加密：使用 SPI 为 { $spi } 的 state
trace-policy-refused = { $dir } policy 检查失败（{ $policy }）：{ $counter }
trace-encrypted = 由 state `{ $state }` 加密，序列号 { $seq }：{ $before } 字节变成 { $after } 字节
trace-decrypted = 由 state `{ $state }` 解密，序列号 { $seq }：{ $after } 字节的包从 { $device } 再次进来
trace-forwarded = 转发到 { $device }，TTL { $ttl }
trace-neighbour = 下一跳 { $address } 的 MAC 是 { $mac }
trace-neighbour-asked = 用 ARP 查询下一跳 { $address }
trace-fragmented = 超过 MTU { $mtu }：分成 { $pieces } 片
trace-delivered = 交给本机，IP 协议号 { $protocol }
trace-complaint = 向 { $to } 发送 ICMP 错误：type { $type }，code { $code }，MTU { $mtu }
trace-dropped = 丢弃（{ $name }）：{ $why }
trace-end-delivered = 已送达 { $place }。
trace-end-dropped = 在 { $place } 被丢弃（{ $name }）：{ $why }。
trace-title-predicted = { $from } → { $to }，根据各节点自己的命令输出预测
trace-end-leaves = 它离开 { $place }，去往一个没有任何文本可查的对端。
trace-end-waits = 停在 { $place }：下一跳没有应答。
trace-drop = { $reason ->
    [xfrm] 原因见 /proc/net/xfrm_stat 的计数器 { $name }
    [other-host] 帧的目的 MAC 是别的主机的；没有计数器会记录
    [no-carrier] 设备没有启用
    [bad-header] IP 头损坏
    [martian-source] 源地址是本节点自己的地址，而这里 accept_local 是关的；没有计数器会记录
    [reverse-path] rp_filter：回程走的是另一个设备
    [martian-destination] 不能发往这样的目的地址
    [no-route] 没有路由
    [not-forwarding] 本机不转发
    [refused] 规则或路由要求丢弃
    [ttl] TTL 用完了
    [too-big] 包太长，又不允许分片
    [no-neighbour] 下一跳没有应答
    [hook] eBPF 程序要求丢弃（{ $name }）
    [no-socket] 没有程序在接收它
    [no-policy] 没有 XFRM 策略匹配它，而默认策略是 block；没有计数器会增加
    [no-memory] 没有内存再放一层头部：Linux 每次封装都要把报文的缓冲区加倍
   *[no-protocol] 本机不认识它的协议
}

# 预测：为此做了哪些假设，以及与抓包对比的结果。

predict-assumed = 文本中没有写明、因此作为假设的：
predict-unread = 没有读懂的行：
predict-assumed-sysctls = { $place } 开启转发，rp_filter 关闭，cilium_host 和 cilium_net 上 accept_local 开启（没有 sysctl 文本）
predict-assumed-programs = { $place } 在 lxc*、cilium_host、cilium_net 和网卡上运行 Cilium 1.13 的 eBPF 程序（没有 tc 文本）
predict-assumed-passes = { $place } 的 { $device } 上的 `{ $program }` 原样放行所有包
predict-assumed-keys = 各节点的密钥相同（文本隐藏了密钥）
predict-assumed-identity = 每个 Pod 的安全身份标识都是 256（Cilium 的 mark 高 16 位为 0x0100）
predict-assumed-key-id = { $place } 装有多个密钥，发送时使用最新的 { $key } 号
predict-assumed-pod = { $address } 是 { $place } 的 { $device } 后面的 Pod（它自己没有文本）
predict-equal = 与预测一致：预测会看到 { $predicted } 次，看到了 { $seen } 次。
predict-differs = 预测与抓包不一致：预测会看到 { $predicted } 次，看到了 { $seen } 次。
predict-missing = 预测会有，却没有看到{ $times ->
    [1] { "" }
   *[other] （{ $times } 次）
}：{ $what }
predict-extra = 看到了，却不在预测之中{ $times ->
    [1] { "" }
   *[other] （{ $times } 次）
}：{ $what }
predict-clear = 明文 { $ends }
predict-esp = ESP { $ends } SPI { $spi }，里面是 { $inner }
predict-reason = { $reason ->
    [sender] 包没有发出：看看 `ping` 自己怎么说。
    [encryption] 可能的原因：OUT policy 和 state。在 { $place } 上查看 /proc/net/xfrm_stat 中的 XfrmOutNoStates 或 XfrmOutPolError，再看 `ip xfrm policy` 和 `ip xfrm state`。
    [decryption] 可能的原因：IN state。在 { $place } 上查看 /proc/net/xfrm_stat 中的 XfrmInNoStates（没有 state，或没有 mark 0xd00）或 XfrmInStateProtoError（密钥不同）。
    [policy] 可能的原因：FWD policy。在 { $place } 上查看 /proc/net/xfrm_stat 中的 XfrmInNoPols 或 XfrmInTmplMismatch。
    [forwarding] 可能的原因：{ $place } 对来自 { $device } 的包的处理：accept_local、rp_filter、ip_forward、路由，或帧的 MAC 地址。没有 XFRM 计数器会记录；`sysctl net.ipv4.conf.{ $device }.accept_local` 和 `ip route get` 能看出来。
    [key] 它用的是另一个密钥：看到的 SPI 是 { $spi }。{ $place } 上的 `ip xfrm state` 和 `ip xfrm policy` 会说明装了哪些密钥。
    [network] 可能的原因：节点之间的网络，或 `ip neigh` 中下一跳的条目。
   *[clear] 它以明文离开了：{ $place } 上缺少 mark 0x…e00、对应的规则或 OUT policy。
}
