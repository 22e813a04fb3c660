# Words that several screens share.

words-unread = line { $line } could not be read: { $reason }

# Labels of a failure.
words-error = error:
words-because = because:
words-hint = hint:
