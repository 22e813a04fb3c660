# What fails where a recording is written or played.

recording-never-overwritten = a recording is never overwritten: give `-o` another name
recording-not-whole = the recording { $path } is not whole
recording-usable = what was written before that is kept and can be used: `esplain learn { $name }`
recording-no-recording = { $name } is not a recording of esplain
recording-makes-one = `esplain record --lab sim -o walk.esplain` makes one
recording-version = its version is { $version }, and this esplain reads up to { $newest }: take the newer one
recording-no-capture = the recording plays no capture { $capture }
recording-no-job = the recording plays no job { $job }
recording-no-state = the recording kept no state `{ $name }`
