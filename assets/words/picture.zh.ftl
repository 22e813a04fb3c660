# 图（`esplain picture`、`:picture`）。

picture-esp = 路上的一个 ESP 包（ping 的请求）
picture-esp-outer = 外层 IPv4 头
picture-esp-spi = SPI
picture-esp-seq = 序列号
picture-esp-iv = IV
picture-esp-inner = 内层：{ $layer }
picture-esp-pad = 填充
picture-esp-pad-len = 填充长度
picture-esp-next = 下一个头部
picture-esp-icv = ICV
picture-esp-covered = 受 ICV 保护
picture-esp-encrypted = 已加密
picture-path = 一次 ping 的路径：tcpdump -i any 在哪里看到它
picture-path-encrypted = 加密
picture-path-decrypted = 解密
picture-path-clear = 明文：Pod 发出的样子，或者解密之后的样子。
picture-path-esp = ESP：cilium_host、cilium_net 和 eth0 上看到的是同一个包，只加密了一次。
picture-needs-cluster = 集群还没有建起来，也就没有数据包的路径或字节可画：`:picture architecture` 显示规划图。
picture-unknown = 没有名为 `{ $name }` 的图
picture-known = 可用的图有 architecture、path 和 esp
picture-no-esp = 还没有看到节点的状态能解开的 ESP 包
picture-no-esp-hint = 先 `ping` 一次另一个 Pod，再输入 `:picture esp`
