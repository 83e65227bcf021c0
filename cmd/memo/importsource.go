package main

import (
	"archive/zip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"memoai.tech/memo/internal/app"
	"memoai.tech/memo/internal/transcript"
)

// source is a file to import. found is its file info from when its folder was read, or nil if the
// path is on the command line, where it may be a symbolic link. archive is set for a file of a ZIP.
type source struct {
	path    string
	found   fs.FileInfo
	archive *archive
	entry   int // its index in archive.files
	// others are the other files of the same meeting, see [app.App.ChooseFile].
	others []source
}

const reasonLink = "is a symbolic link in a folder, which is not followed; to import its target, name the link itself"

// listFiles returns the files to import, and adds what is not imported to the report. It skips
// symbolic links in folders, so that someone who can write to a folder cannot choose which other
// files are read.
func (c *importCmd) listFiles(report *importReport) (sources []source) {
	for _, root := range c.Paths {
		if info, err := os.Stat(root); err == nil && info.IsDir() {
			if target, err := filepath.EvalSymlinks(root); err == nil {
				root = target // WalkDir does not follow the link that it starts from
			}
		}
		var found []source // in the folder
		refuse := func(path string, err error) {
			report.Refused = append(report.Refused, refusedFile{Path: path, Reason: errorReason(err)})
		}
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			hidden := path != root && strings.HasPrefix(filepath.Base(path), ".")
			switch {
			case err != nil:
				refuse(path, err)
			case d.IsDir() && hidden:
				return fs.SkipDir
			case d.IsDir() || hidden:
			case path != root && d.Type()&fs.ModeSymlink != 0:
				report.Skipped = append(report.Skipped, leftOut{path, reasonLink})
			case strings.EqualFold(filepath.Ext(path), ".zip"):
				a := &archive{path: path}
				if path != root {
					if a.found, err = d.Info(); err != nil {
						refuse(path, err)
						return nil
					}
				}
				inside, err := a.list(&c.archive)
				if err != nil {
					refuse(path, err)
				}
				sources = append(sources, report.selectFrom(inside)...)
			case path == root:
				sources = append(sources, source{path: path})
			default:
				info, err := d.Info()
				if err != nil {
					refuse(path, err)
					return nil
				}
				found = append(found, source{path: path, found: info})
			}
			return nil
		})
		sources = append(sources, report.selectFrom(found)...)
	}
	return sources
}

// archive is a ZIP. Only one is open at a time, because a folder can have many.
type archive struct {
	path  string
	found fs.FileInfo // as in source
	file  *os.File
	files []*zip.File // as [app.ArchiveFiles] returns them
}

// open opens the archive, and closes the one that was open before.
func (a *archive) open(current **archive) (err error) {
	if a.file != nil {
		return nil
	}
	if *current != nil {
		(*current).close()
	}
	var info fs.FileInfo
	if a.file, info, err = openRegular(a.path, a.found); err != nil {
		return err
	}
	*current = a
	z, err := zip.NewReader(a.file, info.Size())
	if err == nil {
		a.files, err = app.ArchiveFiles(z)
	}
	if err != nil {
		a.close()
	}
	return err
}

func (a *archive) close() {
	if a.file != nil {
		_ = a.file.Close()
		a.file, a.files = nil, nil
	}
}

// list returns the files of the archive.
func (a *archive) list(current **archive) (found []source, err error) {
	if err := a.open(current); err != nil {
		return nil, err
	}
	for i, f := range a.files {
		found = append(found, source{path: a.path + "/" + f.Name, archive: a, entry: i})
	}
	return found, nil
}

// selectFrom returns one source for each meeting of a folder, and reports the files that are skipped.
func (r *importReport) selectFrom(found []source) (sources []source) {
	paths := make([]string, len(found))
	for i, f := range found {
		paths[i] = filepath.ToSlash(f.path)
	}
	selection := app.SelectFromFolder(paths)
	for _, files := range selection.Meetings {
		first := found[files[0]]
		for _, i := range files[1:] {
			first.others = append(first.others, found[i])
		}
		sources = append(sources, first)
	}
	for i, f := range found {
		if reason, ok := selection.Skipped[i]; ok {
			r.Skipped = append(r.Skipped, leftOut{f.path, reason})
		}
	}
	return sources
}

// read reads the file, which must be regular and within the size limit. Of a file in a folder
// it checks that it is the one that was found there.
func (s source) read(current **archive) (data []byte, modTime time.Time, err error) {
	if s.archive != nil {
		if err := s.archive.open(current); err != nil {
			return nil, modTime, err
		}
		if s.entry >= len(s.archive.files) {
			return nil, modTime, errReplaced
		}
		f := s.archive.files[s.entry]
		data, err = app.ReadArchiveFile(f)
		return data, f.Modified, err
	}
	f, info, err := openRegular(s.path, s.found)
	if err != nil {
		return nil, modTime, err
	}
	defer f.Close()
	if err := transcript.DefaultLimits.CheckSize(info.Size()); err != nil {
		return nil, modTime, err
	}
	data, err = io.ReadAll(f)
	return data, info.ModTime(), err
}

var errReplaced = errors.New("was replaced during the import; import it again")

// openRegular opens a regular file. If found is set, it must be that file.
func openRegular(path string, found fs.FileInfo) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // does not wait for the writer of a pipe
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case found != nil && !os.SameFile(info, found):
		err = errReplaced
	case !info.Mode().IsRegular():
		err = errors.New("is not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}
