# 播放录制时，对其中没有的命令或文件的回答。$place 是位置的名字。

recording-no-line = 录制在这里没有 { $place } 上的 `{ $line }`
recording-no-more = 这一步里没有再运行别的命令；`:next` 继续
recording-lines = 当时在这里运行过：{ $lines }
recording-lines-more = 当时在这里运行过：{ $lines }，另外还有 { $more } 条
recording-line-at = { $place } 上的 `{ $line }`
recording-between = ；
recording-not-run = 什么都没有运行，也什么都没有计入；`--lab sim` 接受任何命令
recording-no-file = 录制里没有 { $place } 的文件 { $path }
recording-files-read = 录制里只有当时读过的那些文件
recording-files = 其中有这个位置的文件：{ $files }
