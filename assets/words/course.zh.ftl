# 一条命令为什么还不算完成。模式和命令放在反引号里。

miss-elsewhere = 这条命令在 { $ran } 上执行了，任务要在 { $wanted } 上做。
miss-other-command = 这不是任务要的命令（`{ $wanted }`）。
miss-other-line = 它做的不是任务要求的事。
miss-still-running = 它还在运行，结束之后才会检查。
miss-ended = 它已经结束了，任务要它在后台运行（`… &`）。
miss-status = 它结束时的状态是 { $got }，而不是 { $wanted }。
miss-output-lacks = 输出里缺少任务关心的内容：没有与 `{ $pattern }` 匹配的行。
miss-output-has = 输出里有不该出现的内容：`{ $text }`。
miss-no-items = 输出里没有列出任何 { $kind ->
    [states] state
    [policies] policy
    [rules] 规则
    [routes] 路由
   *[addresses] 地址
}。
miss-item-count = 它列出了 { $got } 个 { $kind ->
    [states] state
    [policies] policy
    [rules] 规则
    [routes] 路由
   *[addresses] 地址
}，任务要的是 { $wanted }。
miss-item-lacks = 列出的 { $kind ->
    [states] state
    [policies] policy
    [rules] 规则
    [routes] 路由
   *[addresses] 地址
} 里，没有一个是 `{ $pattern }`。
miss-keys-hidden = 密钥被隐藏了，而任务需要它们。
miss-packets = { $what ->
    [esp] 看到的 ESP 包：{ $got }，需要：{ $wanted }。
    [clear] 两个 Pod 之间可直接读出的包：{ $got }，需要：{ $wanted }。
    [leaked] 两个 Pod 之间以明文离开节点的包：{ $got }，需要：{ $wanted }。
    [decrypted] 解密成功的包：{ $got }，需要：{ $wanted }。
    [refused] 未通过 ICV 校验的包：{ $got }，需要：{ $wanted }。
    [no-sa] 找不到 state 的包：{ $got }，需要：{ $wanted }。
   *[copies] 同一个 ESP 包被看到的次数：{ $got }，需要：{ $wanted }。
}
miss-device = 里面没有来自 { $device } 的 ESP。抓包时选了所有设备（`-i any`）吗？
miss-no-file = 读不了 { $at } 上的抓包文件 { $path }：{ $why }。
miss-guide = `:{ $command }` 没能完成。
miss-other-packet = 这不是任务所说的那个包。
miss-world = 还没有到位，在 { $at } 上执行 `{ $run }` 就能看出来。{ $why }
miss-lab = 无法询问实验环境：{ $why }。
miss-not-yet = 前面还有步骤没有完成：{ $variable } 现在还没有。
