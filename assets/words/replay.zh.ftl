# What a replay's transcript says of the packets that the guide's own commands were about.

replay-packet-clear = 未加密
replay-packet-opened = 已解密，内层为
replay-packet-refused = 被拒绝，ICV 不符
replay-packet-no-sa = 没有对应的 SA
replay-packet-unreadable = 无法读取
