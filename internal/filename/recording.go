package filename

import (
	"slices"
	"strings"
)

var recordingExtensions = strings.Fields(
	"mp3 m4a mp4 wav ogg oga opus flac webm mov mkv aac amr 3gp wma avi m4v aif aiff caf wmv mpg mpeg")

// CutRecordingExtension returns a name without the extension of an audio or video file. ok is whether it has one.
func CutRecordingExtension(name string) (stem string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 || !slices.Contains(recordingExtensions, strings.ToLower(name[i+1:])) {
		return name, false
	}
	return name[:i], true
}
