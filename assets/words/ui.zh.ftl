# 引导式 shell。

ui-lab-simulated = 本实验环境是**模拟的**：集群就在本进程里（`sim`）。包、密钥和加密都是真实的；时钟、进程和 Kubernetes 是模型。不会改动你的机器。
ui-lab = 本实验环境是 `{ $lab }`：命令在真实系统上执行。
ui-how-to = 像在节点上一样输入命令。以 `:` 开头的行是对向导说的话：`:help` 全部列出，`:hint` 给提示，`:next` 进入下一步，`:quit`（或 Ctrl-D）离开{ $kept ->
    [yes] ；进度会保存
   *[no] {""}
}。
ui-how-to-leave = 输入 `:quit` 或按 Ctrl-D 离开{ $kept ->
    [yes] ；进度会保存
   *[no] {""}
}。
ui-farewell = 你在第 { $at } 步（共 { $of } 步），`{ $step }`。下次运行 `esplain` 会从这里继续。
ui-not-saved = 进度无法保存：{ $why }。暂时只留在内存里；请腾出空间，或把 `XDG_STATE_HOME` 设为可写的目录。
ui-watching-files = 正在监视 `{ $folder }`：保存的修改会在提示符处生效。不记录进度。
ui-reloaded = 已修改：{ $files }。课程按新的内容继续。
ui-not-reloaded = 已修改：{ $files }。这样的课程无法使用，仍按原来的内容继续：
ui-kept-aside = 进度记录里有读不懂的内容。旧文件保留为 `{ $path }`；读得懂的部分仍然有效。
ui-newer = 进度记录（`{ $path }`）是更新版本的 esplain 写的。它会保持原样，这一次的进度不保存。
ui-in-use = 另一个 esplain 正打开着这门课（`{ $path }`）。这一次的进度不保存。
ui-unwritable = 进度无法保存到 `{ $path }`：{ $why }。这一次只留在内存里；请把 `XDG_STATE_HOME` 设为可写的目录。

ui-step-line = 第 { $at } 步，共 { $of } 步 · { $part } · { $step } · 环境 { $lab ->
    [sim] sim（模拟）
   *[other] { $lab }
}
ui-task-on = 任务（在 { $place } 上）
ui-check-met = 完成
ui-check-open = 未完成
ui-met = 检查通过。
ui-seen = 你看到了什么
ui-notes = 逐行解读
ui-not-yet = 还没有完成。{ $why }
ui-check-why = `{ $line }` 不算数。{ $why }
ui-check-nothing = 这一步没有要检查的；`:next` 继续。
ui-step-done = **本步完成**。`:next` 继续。
ui-skipped = 已跳过。实验环境视同你已完成这一步。
ui-next-open = 这一步还没完成。`:hint` 给提示，`:solve` 由向导代做，`:skip` 跳过。
ui-next-quiz = 还有一个问题。请回答，或用 `:skip` 查看答案。
ui-first-step = 这是第一步。
ui-course-done = 这是最后一步。`:notes` 把你看到的写成笔记；`:steps` 列出所有步骤。
ui-course-open = 还有没完成的步骤：`:goto { $step }`。
ui-no-step = 没有“{ $name }”这一步
ui-steps-hint = `:steps` 列出所有步骤。
ui-steps-number = 序号
ui-steps-id = 步骤
ui-steps-title = 标题
ui-steps-state = 状态
ui-state-here = 你在这里
ui-state-done = 完成
ui-state-assisted = 在帮助下完成
ui-state-skipped = 跳过
ui-state-open = 未完成
ui-score = 问题：全课共 { $of } 个，已问 { $asked } 个，答对 { $right } 个（其中 { $first } 个一次答对）。
ui-hint = 提示 { $at }（共 { $of } 条）
ui-hint-last = 下一次 `:hint` 显示答案。
ui-hint-quiz = 问题没有提示：再看看输出（仍可执行命令），或用 `:skip` 查看答案。
ui-solution = 解答
ui-nothing-to-solve = 这一步没有要执行的命令；`:next` 继续。

ui-question = 问题 { $at }（共 { $of } 个）
ui-how-choice = 输入答案的编号。仍可执行命令；`:skip` 查看答案。
ui-how-choices = 输入所有正确答案的编号，例如 `1 3`。仍可执行命令；`:skip` 查看答案。
ui-how-number = 输入一个数字。仍可执行命令；`:skip` 查看答案。
ui-how-hex = 按工具打印的形式输入数值。仍可执行命令；`:skip` 查看答案。
ui-how-address = 输入一个地址。仍可执行命令；`:skip` 查看答案。
ui-how-text = 用几个词回答，或输入 `:answer` 加你的回答。仍可执行命令；`:skip` 查看答案。
ui-how-packet = 输入这个包在 `:packets` 里的编号。仍可执行命令；`:skip` 查看答案。
ui-answer-right = 正确。
ui-answer-wrong = 不对。
ui-answer-again = 再试一次，或用 `:skip` 查看答案。
ui-answer-is = 答案：**{ $answer }**
ui-answers-between = ；
ui-quiz-none = 这一步没有问题。
ui-quiz-none-open = 现在没有待回答的问题。
ui-quiz-done = 这一步的问题都已回答。
ui-quiz-later = 完成任务后才提问。
ui-wants-option = 请输入 1 到 { $options } 之间的编号。
ui-wants-number = 这不是数字。请输入例如 12 或 0xc。
ui-wants-hex = 这不是这里要的数值。请输入例如 0x10，带掩码则是 0x10/0xf0。
ui-wants-address = 这不是地址。请输入例如 192.0.2.1。
ui-wants-text = 请输入几个词。
ui-wants-packet = 请输入包的编号；`:packets` 里有 { $packets } 个。
ui-wants-later = 实验环境现在还无法判断：{ $why }。

ui-no-place = 没有“{ $name }”这个位置
ui-places-are = 现有位置：{ $places }。
ui-place = 位置
ui-place-kind = 是什么
ui-place-addresses = 地址
ui-place-name = 全名
ui-kind-machine = 运行 kind 和 kubectl 的主机
ui-kind-node = 节点
ui-kind-pod = { $node } 上的 Pod
ui-here = （你在这里）

ui-no-command = 没有“:{ $name }”这个命令
ui-did-you-mean = 你是想输入 `{ $word }` 吗？
ui-see-help = `:help` 列出所有命令。
ui-takes-nothing = `:{ $name }` 后面不能跟别的内容，却出现了“{ $rest }”
ui-help-lines = 普通的行在提示符所示的位置执行。行尾的 `&` 让它成为后台作业：`jobs`、`fg`、`kill %1`。以 `:` 开头的行是对向导说的话：
ui-help-keys = Tab 补全，Ctrl-R 搜索历史，Ctrl-C 取消一行或一个命令（再按一次强制结束），Ctrl-Z 把命令放到后台（`fg` 调回），Ctrl-D 离开。命令名只输入开头几个字母即可。
ui-help-help = 显示这个列表，或某个命令的说明
ui-help-task = 再看一遍任务
ui-help-next = 进入下一步
ui-help-back = 回到上一步
ui-help-goto = 按名字或序号进入某一步
ui-help-steps = 列出所有步骤和你的进度
ui-help-hint = 打开下一条提示；最后一条是解答
ui-help-solve = 由向导代做，你在旁边看
ui-help-skip = 当作这一步已完成，继续往下；有未答的问题时显示答案
ui-help-check = 说明还缺什么，以及上一行命令为什么不算数
ui-help-quiz = 再问一遍当前问题
ui-help-answer = 回答当前问题
ui-help-on = 切换命令执行的位置
ui-help-nodes = 列出所有位置
ui-help-play = 自由练习：在 `:resume` 之前不做检查
ui-help-resume = 回到步骤，环境恢复到 `:play` 之前
ui-help-notes = 把你的笔记写成 Markdown
ui-help-lang = 切换语言：en、zh
ui-help-reset = 重新开始这一步（加 `all` 则是整门课）
ui-help-report = 步骤有误时，该发送哪些信息
ui-help-quit = 离开

ui-run-pasted = 执行这 { $count } 行吗？
ui-prompt-play = 练习
ui-prompt-quiz = 问答
ui-preparing = 正在准备：第 { $at } 步，共 { $of } 步，{ $step } ……
ui-preparing-all = 正在准备此步骤之前的 { $of } 个步骤……
ui-job-running = 运行中
ui-job-done = 已结束
ui-job-exit = 退出码 { $status }
ui-job-behind = 它在后台继续运行：`fg %{ $number }` 把它调回前台，`kill %{ $number }` 结束它。
ui-no-jobs = 后台没有作业
ui-no-job = 没有作业 { $name }
ui-jobs-hint = `jobs` 列出作业；行尾的 `&` 创建作业。

ui-playing = **自由练习**：不做任何检查。`:resume` 会把步骤和环境恢复到现在的样子。
ui-not-playing = 你不在自由练习中；`:task` 显示当前步骤。
ui-language-is = 当前语言是 { $language }。用 `:lang en` 或 `:lang zh` 切换。
ui-no-language = 没有“{ $name }”这种语言
ui-languages = esplain 支持 `en`（English）和 `zh`（中文）。
ui-reset-words = `:reset` 后面可以不带参数，也可以带 `all`，或带 `yes`（不再询问）；却出现了“{ $rest }”
ui-reset-step = 重新开始 { $step } 这一步，并把环境恢复到它开始时的样子？
ui-reset-all = 清除这门课的全部进度，从头开始？
ui-reset-not = 没有重置。（没有终端时请输入 `:reset yes`。）
ui-report = 这一步有问题？请发送下面几行，并说明你期望的结果：
ui-notes-heading = { $title }（{ $state }）
ui-notes-written = 你的笔记在 `{ $path }`。其中不含密钥。
ui-notes-not-written = 笔记无法写入 { $path }
ui-notes-hint = 换一个文件名：`:notes /tmp/notes.md`。

ui-live-inside = 已解密：
ui-live-closed = 未解密：
ui-live-again-esp = 与 #{ $first } 是同一个 ESP 包，再次看到
ui-live-again-clear = 与 #{ $first } 是同一个包，再次看到
ui-live-clear-of = 就是 ESP #{ $other } 里面的包，由内核解开：不是泄露
ui-live-sealed-of = 包 #{ $other }，现在已加密封装
ui-outcome-no-sa = 没有发往 { $dst }、SPI 为 { $spi } 的 state（内核会计入 XfrmInNoStates）
ui-outcome-bad-icv = { $tried ->
    [1] SPI { $spi }、序列号 { $seq } 的 ICV 与密钥不符（内核会计入 XfrmInStateProtoError）
   *[other] SPI { $spi }、序列号 { $seq } 的 ICV 与试过的 { $tried } 个密钥都不符（内核会计入 XfrmInStateProtoError）
}
ui-outcome-unsupported = 它的 state 无法使用：{ $why }
ui-outcome-fragment = 这是分片；包重组完整之后才能解开 ESP
ui-outcome-too-deep = ESP 套 ESP 超过 { $limit } 层
ui-outcome-truncated = 抓包被截断：需要 { $need } 字节，只有 { $have } 字节
ui-outcome-malformed = 已损坏：{ $why }

ui-map = 集群
ui-map-simulated = 集群（模拟）
ui-map-legend = Pod – lxc（Pod 的 veth）– cilium_host 与 cilium_net（一对 veth）– eth0 – 线路。
ui-map-plan = 这是规划图：集群还没有建起来。
ui-map-seen = 数字是上一条命令引起的包的编号，用 `:show N` 展开。
ui-map-unseen = 还没有看到包：从 Pod 里 `ping` 一次，再来看。
ui-map-wire = kind 网络 { $gateway }
ui-map-packets = 包
ui-map-lxc = Pod 的 veth
ui-map-net = cilium_host 的对端
ui-watching = 正在观察 { $nodes }。包一出现就显示在提示符上方；`:watch off` 停止。
ui-watching-off = 不再观察；`:packets` 仍会列出经过的包。
ui-packets-none = 还没有包。先产生一些：从一个 Pod `ping` 另一个 Pod。
ui-packets-title = 在 { $nodes } 上看到 { $count } 个包
ui-packets-title-simulated = 在 { $nodes } 上看到 { $count } 个包（模拟）
ui-help-map = 画出集群，以及最近的包到过哪里
ui-help-picture = 显示一幅图：`architecture`（架构）、`path`（ping 的路径）、`esp`（最近一个 ESP 包的字节）
ui-help-watch = 包一出现就显示在提示符上方
ui-help-packets = 列出经过本节点的包
ui-watch-filter = “{ $filter }”不是 tcpdump 能接受的过滤表达式
ui-watch-hint = `:watch` 观察全部的包，`:watch esp` 或 `:watch icmp or arp` 观察一部分，`:watch off` 停止。
ui-help-decrypt = 用本节点的密钥解开这里的抓包文件；`--sa FILE`、`--key HEX` 或 `--no-key` 改用别的密钥，或不用密钥
ui-decrypt-usage = `:decrypt` 需要一个抓包文件，还可以带 `--sa FILE`、`--key HEX` 或 `--no-key`
ui-decrypt-example = 例如：`:decrypt all-ipsec.cap`，或 `:decrypt all-ipsec.cap --no-key`。
ui-key-not-hex = 这不是密钥：密钥用十六进制书写，每个字节两位
ui-key-length = { $octets } 字节的密钥不适用于 `rfc4106(gcm(aes))`：需要 20、28 或 36 字节
ui-key-hint = 它由 16、24 或 32 字节的 AES 密钥加 4 字节的 salt 组成，就像 `ip xfrm state` 在 `0x` 后面打印的那样。
ui-no-states = { $from } 里没有 XFRM state
ui-no-states-hint = 在节点上执行 `ip xfrm state`；`--no-key` 显示没有密钥时能看到什么。
ui-keys-from = 密钥：来自 { $from } 的 { $count } 个 state。
ui-keys-given = 密钥：你给出的那个（指纹 { $fingerprint }），对抓包里的每个 SA 都试一遍。
ui-keys-none = 密钥：没有。线路上的旁观者看到的就是这样。
ui-decrypt-more = ……还有 { $more } 个。`esplain decrypt` 可以显示任意大小的文件。
ui-decrypt-summary = **{ $frames } 个包**：已解密 { $opened } 个，明文 { $clear } 个，ICV 不符 { $refused } 个，没有 state { $missing } 个，无法读取 { $other } 个。
ui-decrypt-torn = 文件在中途断了：{ $why }。断点之前的内容都在上面。
ui-help-show = 打开一个包：`:show 7`；`:show esp`、`:show clear` 打开最近的一个
ui-no-packet = 没有包“{ $name }”
ui-no-packet-hint = `:packets` 列出所有的包；从 Pod 里 `ping` 可以产生一些。
ui-show-simulated = （模拟的包：字节、密钥和加密都是真实的。）
ui-place-missing = `{ $place }` 还不存在：前面的步骤会建立它。`:goto 2` 进入搭建步骤。
ui-packets-dropped = 向导抓包期间内核丢弃了 { $count } 个帧。
ui-dropped = 向导抓包期间内核丢弃了 { $count } 个帧（缓冲区已满）：包列表不完整。
ui-dropped-none = 向导抓包期间内核没有丢弃任何帧：包列表是完整的。
ui-caught = 其间向导在 { $nodes } 上看到 { $count } 个包：
ui-caught-simulated = 其间向导在 { $nodes } 上看到 { $count } 个包（模拟）：
ui-caught-more = ……还有 { $more } 个：`:packets`。（`:watch off` 不再显示这个列表；`:watch` 在包出现时立即显示。）
ui-help-explain = 逐个字段解释上一行命令的输出
ui-explain-nothing = 还没有可解释的输出
ui-explain-unknown = 上一行命令的输出里没有能解释的内容
ui-explain-hint = 先执行 `ip x s`、`ip x p`、`ip rule`、`ip r s t 200` 或 `tcpdump`，再输入 `:explain`。
ui-help-trace = 逐跳跟踪一个包：规则、路由表、policy、state、mark
ui-trace-usage = `:trace` 需要两个参数：包的起点和终点
ui-trace-example = 例如：`:trace pod-a pod-b`，或 `:trace worker pod-b`。
ui-trace-source = 包不能从“{ $name }”出发：它既不是这里的 Pod，也不是节点

ui-recording = 这是一份录制，{ $day } 录于实验环境 `{ $lab }`。{ $keys }录制中没有运行过的命令不会执行，导师会告诉你当时运行了什么。
ui-recording-substitutes = 其中的密钥是专为这份录制生成的替身，数据包也用它们重新加密。
ui-recording-keys = 其中的密钥就是实验环境本身的密钥。
ui-recording-torn = 录制在中途断开（{ $why }），只能播放到断开之处。
ui-lab-recording = 这个实验环境是一份录制：什么都不会真正运行，一切按当时的样子显示。

export-head = { $day } 录于实验环境 `{ $lab }`。{ $keys }
export-status = 退出状态为 { $status }。
export-packets = 导师看到了 { $count } 个数据包：
