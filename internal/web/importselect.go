package web

import (
	"path"
	"strings"

	"github.com/go-json-experiment/json"

	"memoai.tech/memo"
	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/httpx"
	"memoai.tech/memo/internal/transcript"
)

// Limits on a folder that is selected from.
const (
	maxSelectBytes = 8 << 20 // of the request
	maxSelectFiles = 50_000
)

// folderFile is a file of a folder, as upload.js found it.
type folderFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"` // bytes
}

// folderSelection is what happens to the files of a folder. Numbers are positions in the request.
type folderSelection struct {
	Meetings [][]int          `json:"meetings"` // upload.js sends the files of each together
	Left     []leftFolderFile `json:"left"`
}

type leftFolderFile struct {
	File   int    `json:"file"`
	State  string `json:"state"` // skipped or refused
	Reason string `json:"reason"`
}

// selectFiles responds with the files of a folder that are imported, by the rules of the command line.
func selectFiles(v *pageRequest) error {
	body, err := httpx.ReadBody(v.w, v.r, maxSelectBytes)
	if err != nil {
		return interrupted(err)
	}
	var files []folderFile
	if json.Unmarshal(body, &files) != nil || len(files) > maxSelectFiles {
		return memo.Invalid("", "Choose a folder of at most %d files.", maxSelectFiles)
	}
	return v.renderJSON(selectFromFolder(files))
}

func selectFromFolder(files []folderFile) folderSelection {
	out := folderSelection{Meetings: [][]int{}, Left: []leftFolderFile{}}
	var paths []string
	var index []int // of the paths in files
	for i, f := range files {
		if err := transcript.DefaultLimits.CheckSize(f.Size); err != nil {
			out.Left = append(out.Left, leftFolderFile{i, "refused", refusalReason(err)})
		} else if strings.EqualFold(path.Ext(f.Path), ".zip") {
			out.Meetings = append(out.Meetings, []int{i}) // it is read as another folder
		} else {
			paths, index = append(paths, f.Path), append(index, i)
		}
	}
	selection := app.SelectFromFolder(paths)
	for _, meeting := range selection.Meetings {
		sent, others := []int{}, int64(0)
		for n, j := range meeting {
			i := index[j]
			if n > 0 && others+files[i].Size > app.MaxOtherBytes {
				out.Left = append(out.Left, leftFolderFile{i, "skipped", "is of the same meeting as " +
					path.Base(paths[meeting[0]]) + ", and too large to be compared with it"})
				continue
			}
			if sent = append(sent, i); n > 0 {
				others += files[i].Size
			}
		}
		out.Meetings = append(out.Meetings, sent)
	}
	for j := range paths {
		if reason, ok := selection.Skipped[j]; ok {
			out.Left = append(out.Left, leftFolderFile{index[j], "skipped", reason})
		}
	}
	return out
}
