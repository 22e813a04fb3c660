# 哪里出了错、接下来怎么办：多处共用的句子。

trouble-places = 现有位置：{ $places }
trouble-nodes-appear = 在 machine 上运行 `kind create cluster --config kind-config.yaml` 之后才有节点，安装 Cilium 之后才有 Pod
trouble-file-unread-at = 无法读取 { $place } 上的 { $full }
trouble-list-files = 先 `:on { $place }`，再用 `ls` 列出那里的文件
trouble-not-sent = { $from } 没有向 { $to } 发送
trouble-filter = 过滤表达式 `{ $filter }` 不对
trouble-not-ended-at = { $place } 上的 `{ $line }` 在 { $seconds } 秒内没有结束
trouble-not-ended = `{ $command }` 在 { $seconds } 秒内没有结束
trouble-no-job = `{ $line }`：没有 { $number } 号作业
trouble-not-set-up = 步骤 `{ $step }` 的准备工作没有完成
trouble-set-up-again = `:reset` 重新开始这一步；`:skip` 跳过它继续
trouble-no-capture-file = { $path } 不能当作抓包文件来读
trouble-stdout = 无法写入标准输出
trouble-progress-kept = 进度已保存
trouble-no-capture-file-at = { $place } 上的 { $path } 不是读得懂的抓包文件
trouble-write-capture = 可用 `tcpdump -w` 写一个，pcap 和 pcapng 都行
trouble-no-self = 找不到本程序自己的文件
trouble-unwritten = 无法写入 { $path }
trouble-not-made = 无法创建 { $path }
trouble-places-are = 它的位置有：{ $places }
trouble-unread = 无法读取 { $name }
trouble-newer = { $name } 是更新版本的 esplain 写的
