# What a recording that is played says to a line or a file that it does not hold. $place is a place's name.

recording-no-line = the recording does not hold `{ $line }` on { $place } here
recording-no-more = nothing more was run in this step; `:next` goes on
recording-lines = what was run at this point: { $lines }
recording-lines-more = what was run at this point: { $lines }, and { $more } more
# One of those lines, and what stands between two of them.
recording-line-at = on { $place }: `{ $line }`
recording-between = {"; "}
recording-not-run = nothing was run and nothing is counted; `--lab sim` takes any line
recording-no-file = the recording does not hold the file { $path } of { $place }
recording-files-read = a recording holds the files that the guide was asked to read while it was made
recording-files = files of it that it holds: { $files }
