# 录制和播放时的错误。

recording-never-overwritten = 录制文件从不覆盖：请用 `-o` 换个名字
recording-not-whole = 录制 { $path } 不完整
recording-usable = 在那之前写下的都保留着，可以使用：`esplain learn { $name }`
recording-no-recording = { $name } 不是 esplain 的录制
recording-makes-one = `esplain record --lab sim -o walk.esplain` 可以录一份
recording-version = 它的版本是 { $version }，这个 esplain 最高能读 { $newest }：请换用较新的
recording-no-capture = 录制里没有在播放抓包 { $capture }
recording-no-job = 录制里没有在播放作业 { $job }
recording-no-state = 录制没有保存过状态 `{ $name }`
