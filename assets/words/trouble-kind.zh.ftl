# kind 实验环境里以及搭建时出的问题。

kind-context-unreadable = 无法从 { $file } 读取 docker context `{ $name }`
kind-context-hint = `docker context ls` 列出所有 context；`docker context use default` 回到默认的那个
kind-no-footing = 实验环境无法在 { $node } 里立足
kind-no-footing-hint = `docker exec { $node } bash -c 'ls -ld /run'` 可看出那里能否运行 shell
kind-no-place = 集群 `{ $cluster }` 里现在没有 `{ $place }` 这个位置
kind-no-nodes-hint = `kind create cluster --config kind-config.yaml` 创建节点；`kind get clusters` 列出现有的集群
kind-places-hint = 可用的位置：{ $places }
kind-pods-hint = `kubectl get pods -o wide` 列出 Pod 和它们所在的节点
kind-cannot-write = 无法在 { $place } 上写入 { $file }
kind-engine-again-hint = 等 Docker Engine 恢复后，用 `docker start { $node }` 启动没有运行的节点；课程里已完成的部分都保留着
kind-capture-ended = { $node } 上的抓包已经结束
kind-capture-ended-hint = 它的 tcpdump 被别人结束了；下一条命令会重新抓包
kind-cannot-read = 无法读取 { $place } 上的 { $file }
kind-cannot-read-hint = 先 `:on { $place }`，再用 `ls` 查看那里的文件
kind-not-set-back = 有些内容没能恢复
kind-not-set-back-hint = `kubectl -n kube-system rollout restart ds/cilium` 让 Cilium 把一切重新告诉各节点
kind-unwritable = 无法写入 { $file }
kind-not-written-down-hint = 集群已经在那里，但 `esplain lab down` 不会把它当作自己的；请用 `kind delete cluster` 删除
kind-nobody-asked = `{ $line }` 会在这台机器本身上运行，而还没有人同意
kind-nobody-asked-hint = 请在另一个终端里输入；节点上和 Pod 里的命令可以在这里运行：`:on worker`
kind-cannot-start = `{ $line }` 无法在这台机器上启动
kind-cannot-read-here = 无法读取 { $file }
kind-no-tcpdump = { $node } 上没有 tcpdump，无法抓包
kind-no-tcpdump-hint = `docker exec { $node } sh -c 'apt-get update && apt-get install -y tcpdump'` 把它装上，步骤 `tools` 做的就是这件事
kind-cannot-capture = 无法在 { $node } 的 { $device } 上抓包
kind-cannot-capture-hint = `docker exec { $node } tcpdump -D` 列出可抓包的设备
lab-kind-other-cluster = 已有一个叫 `{ $name }` 的集群，但它没有按课程的样子运行
lab-kind-its-containers = `docker ps -a --filter label=io.x-k8s.kind.cluster={ $name }` 列出它的容器
lab-kind-if-yours = 如果是你的而且可以删除：kind delete cluster --name { $name }
lab-kind-still-tainted = 控制平面仍然不接受 Pod
lab-kind-taints-hint = `kubectl describe nodes` 显示各节点的 taint
lab-kind-no-random = 没有可用来生成密钥的随机字节
lab-kind-did-not-end = `{ $line }` 在 { $minutes } 分钟内没有结束
lab-kind-ended-badly = `{ $line }` 以状态 { $status } 结束
lab-kind-doctor-hint = `esplain doctor --lab kind` 检查常见的原因
lab-kind-not-applied = 集群的 API 没有接受这份清单
lab-kind-not-ready = { $minutes } 分钟后仍未就绪：{ $what }
lab-kind-more = 更多信息：{ $line }
lab-kind-program-missing = `{ $line }`：缺少一个程序
lab-kind-which-hint = `esplain doctor --lab kind` 说明缺的是哪个、从哪里获得
lab-kind-reason-room = `docker system df` 显示空间被什么占用，`docker system prune` 释放没人使用的部分
lab-kind-reason-inotify = 先 `sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`，再 `esplain lab down --lab kind`，然后重来一次
lab-kind-reason-taken = 名字已被占用：`esplain lab down --lab kind` 删除 esplain 创建的集群，`kind delete cluster` 可删除任何一个
lab-kind-reason-cgroups = `docker info --format '{"{{"}.CgroupVersion{"}}"} {"{{"}.CgroupDriver{"}}"}'` 显示 cgroup；rootless 的引擎需要第 2 版，并且要委派各个控制器
lab-kind-reason-network = 镜像和 chart 来自网络：`docker pull hello-world` 可看出引擎能否连上；在代理之后，引擎和这个 shell 都需要 HTTPS_PROXY
