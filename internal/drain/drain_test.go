package drain

import (
	"context"
	"testing"
)

func TestStreamsEndAndRequestsGoOn(t *testing.T) {
	streams, stop := context.WithCancel(t.Context())
	request := Base(streams)
	stream, cancel := Stream(request)
	defer cancel()
	if stream.Err() != nil {
		t.Error("the stream ends too early")
	}
	stop()
	<-stream.Done()
	if request.Err() != nil {
		t.Error("the request ends with the streams")
	}
	late, cancel := Stream(request)
	defer cancel()
	<-late.Done()
}

func TestStreamEndsWithItsRequest(t *testing.T) {
	for name, base := range map[string]context.Context{"of a server": Base(t.Context()), "elsewhere": t.Context()} {
		request, gone := context.WithCancel(base)
		stream, cancel := Stream(request)
		defer cancel()
		gone()
		<-stream.Done()
		if stream.Err() == nil {
			t.Error(name)
		}
	}
}
