# 来自文件夹的课程：运行之前先问一句。

trust-head = { $folder } 中的课程不是 esplain 自带的。学习过程中，向导会自行运行下面这些命令（跳过某一步时，会运行它的参考解法）：
trust-where-sim = 它们只在本进程内的模拟集群上运行，不会碰其他任何东西。
trust-where-kernel = 它们以 root 身份在实验环境自己的命名空间里运行：`machine`、节点和 Pod 都在实验环境之内；不过在那里可以读到你自己的文件。
trust-where-kind = 它们在 kind 集群的节点容器里运行。`machine` 上的命令针对你自己的机器，每次都会先显示并征求同意。
trust-head-proof = { $folder } 中的课程不是 esplain 自带的。验证它们时会运行下面这些命令，包括课程里当作错误做法的那些：
trust-question = 开始学习这些课程吗？
trust-question-proof = 运行这些课程吗？
trust-refused = 没有运行任何命令
trust-cannot-ask = { $folder } 中的课程不是 esplain 自带的，而这里没有终端可以询问
trust-hint = 请先阅读课程内容，然后运行 `{ $call } --trust`
