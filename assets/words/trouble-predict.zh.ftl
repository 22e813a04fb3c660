# 根据命令输出预测包的路径时的错误。

predict-silent = { $place } 没有回答
predict-recording = 录制里没有可以查询状态的节点
predict-in-sim = `esplain trace SRC DST` 在模拟实验环境里跟踪一个包
predict-no-place = 这个实验环境里现在没有 `{ $from }` 这个位置
predict-no-network = `{ $from }` 没有说出它的网络是什么样
predict-must-work = `{ $command }` 要能在那里运行
predict-how-to-save = `esplain trace --how-to-save` 说明怎样保存它们
predict-run-and-save = 在 { $place } 上运行 `{ $command }`，把输出保存为 { $place }/{ $stem }.txt
predict-one-moment = 同一时刻、同一集群的文本，请单独放在一个文件夹里
predict-no-texts = 没有任何节点的文本
predict-text-missing = 缺少 { $place } 的 `{ $command }` 的输出
predict-text-empty = { $place } 的 { $label } 里没有 `{ $command }` 输出的行
predict-twice = { $first } 和 { $second } 的地址都是 { $address }
