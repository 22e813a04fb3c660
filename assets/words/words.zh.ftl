# 多个界面共用的词句。

words-unread = 第 { $line } 行无法读懂：{ $reason }
