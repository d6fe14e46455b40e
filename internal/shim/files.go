package shim

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// maxRead is the size of the largest file given out.
const maxRead = 4 << 20

// files are the instance's own, seen through a root that no path leaves.
type files struct{ root *os.Root }

// write replaces all the files; each is whole or as before after a crash. They
// are made durable together, which costs hardly more than one.
func (f files) write(list []File) error {
	var group errgroup.Group
	for _, file := range list {
		group.Go(func() error { return f.writeOne(file) })
	}
	return group.Wait()
}

func (f files) writeOne(file File) (err error) {
	if err := f.root.MkdirAll(path.Dir(file.Path), 0o700); err != nil {
		return err
	}
	temporary := file.Path + ".new"
	out, err := f.root.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fs.FileMode(file.Mode))
	if err != nil {
		return err
	}
	_, err = out.Write(file.Data)
	err = errors.Join(err, out.Chmod(fs.FileMode(file.Mode)), out.Sync(), out.Close())
	if err == nil {
		err = f.root.Rename(temporary, file.Path)
	}
	if err != nil {
		_ = f.root.Remove(temporary)
		return err
	}
	return f.syncFolder(path.Dir(file.Path))
}

func (f files) rename(from, to string) error {
	if err := f.root.Rename(from, to); err != nil {
		return err
	}
	return f.syncFolder(path.Dir(to))
}

func (f files) syncFolder(name string) error {
	folder, err := f.root.Open(name)
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func (f files) read(name string) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxRead))
}

func (f files) exists(name string) (bool, error) {
	_, err := f.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// usage adds up what the files below name occupy on disk. Files that vanish
// meanwhile do not count.
func (f files) usage(name string) (int64, error) {
	var total int64
	err := fs.WalkDir(f.root.FS(), filepath.ToSlash(name), func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			total += stat.Blocks * 512
		}
		return nil
	})
	return total, err
}
