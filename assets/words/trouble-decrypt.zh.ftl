# 解读粘贴的文本、解密抓包、导出密钥时的错误。

paste-empty = { $name } 是空的
paste-nothing = { $name } 里没有 ip、tcpdump 或 /proc/net/xfrm_stat 输出的内容
paste-give-output = 请给它一条命令的输出：`ip xfrm state | esplain explain`
paste-reads = 它能读 `ip xfrm state|policy`、`ip rule`、`ip route`、`ip addr`、`tcpdump` 和 `/proc/net/xfrm_stat`
paste-too-long = { $name } 超过 { $size } MiB
paste-use-decrypt = 要看抓包文件，请用 `esplain decrypt`
decrypt-no-states = { $name } 里没有 `ip xfrm state` 的 state
decrypt-save-states = 在隧道一端的节点上：`sudo ip xfrm state > keys.txt`，然后 `--sa keys.txt`
decrypt-filter = 过滤表达式 `{ $filter }` 无法编译
decrypt-filter-language = 语法见 `man pcap-filter`，例如 `--filter 'esp and host 10.0.0.66'`
decrypt-make-capture = 用 `tcpdump -i any -w all-ipsec.cap` 抓一份，并把 `ip xfrm state` 的文本交给 --sa
decrypt-capture-there = 请在节点上抓包：`tcpdump -i any -w all-ipsec.cap`
decrypt-whole-frames = 那之前完整的帧都显示在上面；结束 `tcpdump` 请用 Ctrl-C，不要用 `kill -9`
decrypt-write-files = 其余的请写成文件：`ip xfrm state > keys.txt`
decrypt-same-file = 明文抓包会覆盖正在读取的那一份
decrypt-other-name = 请给 --write 换个名字
decrypt-free-space = 请腾出空间（`df -h`），或让 --write 写到别处
decrypt-pcapng = 文件名请以 .pcapng 结尾，它能容纳几种链路类型的帧
export-too-old = Wireshark { $version } 太旧：它对 AES-GCM 的写法不一样
export-later = 请用 `--for { $version }` 或更新的版本
export-no-rows = 没有一个 state 能告诉 Wireshark
export-with-keys = 在节点上用 `sudo ip xfrm state > keys.txt` 得到带密钥的列表
decrypt-not-to-its-end = { $from ->
    [stdin] 标准输入上的抓包
   *[file] 抓包文件 { $name }
} 没能读到末尾
decrypt-unread = 无法读取{ $from ->
    [stdin] 标准输入上的抓包
   *[file] 抓包文件 { $name }
}
decrypt-no-capture = { $from ->
    [stdin] 标准输入
   *[file] { $name }
} 不是抓包文件
paste-now = 请粘贴文本，然后在单独一行按 Ctrl-D。
paste-standard-input = 标准输入
decrypt-keys-are = 密钥在两个节点的内核里：`sudo ip xfrm state > keys.txt`
decrypt-then = 然后：`esplain decrypt { $capture } --sa keys.txt`
decrypt-no-sa = { $many ->
    [one] 1 帧
   *[more] { $frames } 帧
}：发往 { $dst }、SPI 为 { $spi }，没有对应的 SA（{ $some ->
    [no] 没有任何发往那里的 state
   *[yes] 发往那里的有 { $known }
}）；请比较两个节点的 `ip xfrm state`，轮换密钥之后也要再比较一次
decrypt-bad-icv = { $many ->
    [one] 1 帧
   *[more] { $frames } 帧
}：发往 { $dst }、SPI 为 { $spi }，所给的每个密钥算出的 ICV 都不对；请在发送它们的节点上重新取 `ip xfrm state`
decrypt-truncated = { $many ->
    [one] 1 帧
   *[more] { $frames } 帧
}（SPI { $spi }）被截短了；请抓完整的帧：`tcpdump -s 0 -i any -w all-ipsec.cap`
decrypt-unsupported = { $many ->
    [one] 1 帧
   *[more] { $frames } 帧
}（发往 { $dst }，SPI { $spi }）：`--format text` 说明每一帧为什么没有打开
decrypt-malformed = { $many ->
    [one] 1 帧
   *[more] { $frames } 帧
}（发往 { $dst }，SPI { $spi }）已损坏：`--format text` 说明坏在哪里
