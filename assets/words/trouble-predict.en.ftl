# What fails where a packet's way is predicted from the text of tools.

predict-silent = { $place } does not answer
predict-recording = a recording has no nodes that could be asked for their state
predict-in-sim = `esplain trace SRC DST` follows a packet in the simulated lab
predict-no-place = there is no place `{ $from }` in this lab now
predict-no-network = `{ $from }` does not say what its network is
predict-must-work = `{ $command }` must work there
predict-how-to-save = `esplain trace --how-to-save` says how to save them
predict-run-and-save = on { $place } run `{ $command }`, and save what it prints as { $place }/{ $stem }.txt
predict-one-moment = keep the texts of one moment and one cluster in a folder of their own
predict-no-texts = there is no text of any node
predict-text-missing = the text of `{ $command }` is missing for { $place }
predict-text-empty = { $label } of { $place } has no line of `{ $command }`
predict-twice = { $first } and { $second } both have the address { $address }
