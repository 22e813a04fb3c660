# Words that several screens share.

words-unread = line { $line } could not be read: { $reason }
