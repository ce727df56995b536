#!/bin/sh
# What FFmpeg makes of the parameters of an srt:// URL: a plus becomes a blank, and percent-encoding is left as it is.
#
# So neither `streamid=a+b` nor `streamid=a%2Bb` can say "a+b": the first arrives as "a b", the second as "a%2Bb". Only
# the option (-srt_streamid, -passphrase) can. Other SRT programs take the plus as it is, or decode percents, so that an
# address that works with one of them need not work with another.
#
# Seen 2026-11-28 with FFmpeg 5.1.9 of Debian 12 (libsrt 1.5): got [a b], [a%2Bb], [a+b], and [#!::r=x] whole.
# Exits with 1 if it is no longer so. Needs: apt-get install ffmpeg.
set -eu
command -v ffmpeg >/dev/null || apt-get install -qq -y ffmpeg
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ffmpeg -version | head -n 1

arrives() { # PORT, URL's parameters, options of the caller: the stream id that a listener gets
    timeout 10 ffmpeg -nostdin -v verbose -i "srt://127.0.0.1:$1?mode=listener" -c copy -f null - 2>"$folder/listener" &
    listener=$!
    sleep 1
    # shellcheck disable=SC2086 # the options are to be parted
    timeout 8 ffmpeg -nostdin -v error -f lavfi -i testsrc=duration=1:size=64x64 -c:v mpeg2video -f mpegts $3 \
        "srt://127.0.0.1:$1?mode=caller$2" || true
    kill "$listener" 2>/dev/null || true
    wait "$listener" 2>/dev/null || true
    sed -n 's/.*accept streamid \[\(.*\)\], length.*/\1/p' "$folder/listener"
}

status=0
expect() { # what, got, as it was seen
    echo "$1: [$2]"
    [ "$2" = "$3" ] || { echo "  was [$3]"; status=1; }
}
expect 'srt://...?streamid=a+b' "$(arrives 19761 '&streamid=a+b' '')" 'a b'
expect 'srt://...?streamid=a%2Bb' "$(arrives 19762 '&streamid=a%2Bb' '')" 'a%2Bb'
expect '-srt_streamid a+b' "$(arrives 19763 '' '-srt_streamid a+b')" 'a+b'
expect 'srt://...?streamid=#!::r=x' "$(arrives 19764 '&streamid=#!::r=x' '')" '#!::r=x'
exit $status
