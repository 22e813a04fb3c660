# 在学习者自己的机器上运行的命令（kind 实验环境）。

consent-line = 下面的命令会在**你自己的机器**上运行：
consent-probes = 为了判断每一步的进度，向导会用下面这些命令查看**你自己的机器**，它们不做任何修改：
consent-question = 运行吗？
consent-refused = 没有运行 `{ $line }`
consent-hint = 可以改在另一个终端里输入：向导看的是效果；或者在节点上操作：`:on worker`
