# 多个界面共用的词句。

words-unread = 第 { $line } 行无法读懂：{ $reason }

# 出错时的标签。
words-error = 错误：
words-because = 原因：
words-hint = 提示：
