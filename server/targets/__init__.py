"""Where the stream is sent besides its viewers: RTMP and SRT servers, HLS folders, recordings."""
