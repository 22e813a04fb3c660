# What a replay's transcript says of the packets that the guide's own commands were about.

replay-packet-clear = not encrypted
replay-packet-opened = opened, inside it
replay-packet-refused = refused, its ICV does not fit
replay-packet-no-sa = there is no SA for it
replay-packet-unreadable = cannot be read
