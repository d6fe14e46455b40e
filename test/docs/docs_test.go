//go:build docs

// Package docs runs every command of the documentation and compares what it
// prints with what the pages show.
//
// A block marked console holds commands, each after "$ " and continued after
// "> ", with what they print below; "…" stands for anything in a line, and alone
// for any lines. Times, identifiers, ports and amounts of money may differ. A
// command has to succeed unless the next one is `echo $?`. All commands of a
// page run in one shell, in a folder whose .souk is the data folder of a
// `souk dev` of its own. A comment `<!-- docs test: ... -->` says what else the
// reader does at that point.
//
// With -update the pages are rewritten with what the commands print now, where
// that does not match.
package docs

import (
	"cmp"
	"errors"
	"flag"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"souk/test/soukdev"
)

const root = "../.."

var update = flag.Bool("update", false, "rewrite the pages with what the commands print")

// notRun are the blocks marked sh, by page and first line, and why they cannot
// be run here.
var notRun = map[string]string{
	"docs/end-user/README.md: souk order postgresql db1 --zone zurich": "needs a zone with three failure domains: test/e2e",
	"README.md: make run":                                             "stays in the foreground; the test has started the same",
	"README.md: sudo kill":                                            "ends processes by name; the test kills those that it started",
	"docs/operator/kubernetes.md: kubectl --namespace":                "needs a cluster: test/e2e",
	"docs/operator/kubernetes.md: helm install":                       "needs a cluster: test/e2e",
	"docs/operator/kubernetes.md: make image":                         "is tested in deploy/image and, on a cluster, in test/e2e",
	"docs/operator/kubernetes.md: souk --context operator zone enrol": "needs a cluster: test/e2e",
	"docs/operator/zones.md: install":                                 "makes accounts on the machine",
	"docs/contributor/README.md: make":                                "each takes minutes, and runs this test",
	"docs/contributor/README.md: go test":                             "rewrites the pages",
	"docs/contributor/steps.md: go test":                              "is a stage of make test",
	"docs/provider/service-package.md: go test":                       "NAME is to be made up; the like is a stage of make test",
	"docs/provider/service-package.md: souk --context":                "NAME is to be made up; docs/operator/conformance.md runs the like",
	"docs/provider/usage.md: curl":                                    "needs a service of a provider's with a meter: internal/httpapi",
	"docs/contributor/testbed.md: sudo":                               "starts a cluster; make e2e does",
	"docs/contributor/testbed.md: test/testbed/":                      "breaks a cluster; make e2e does",
}

func TestPages(t *testing.T) {
	souk := soukdev.Build(t)
	seen, total := map[string]bool{}, 0
	var pages []*page
	for _, name := range markdown(t) {
		p, err := read(root, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.parts {
			if c.unrun != "" {
				known(t, p, c, seen)
			}
		}
		if p.commands() > 0 {
			pages, total = append(pages, p), total+p.commands()
		}
	}
	// Those that only look come last, when no other souk dev runs.
	slices.SortStableFunc(pages, func(a, b *page) int { return cmp.Compare(a.looks(), b.looks()) })
	for key := range notRun {
		if !seen[key] {
			t.Errorf("notRun names a block that is not there: %s", key)
		}
	}
	shared := &common{whole: t, souk: souk}
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) { walk(t, souk, shared, p) })
	}
	t.Logf("%d commands on %d pages", total, len(pages))
}

// markdown returns all pages of the tree, but for the portal's own help and the
// runbooks, whose examples have the reader's names filled in: internal/portal and
// internal/servicepkg test those.
func markdown(t *testing.T) []string {
	var names []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules" || e.Name() == "help" || e.Name() == "runbooks") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			name, _ := filepath.Rel(root, path)
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// known fails on a block that is not run and that nobody has given a reason for.
func known(t *testing.T, p *page, c part, seen map[string]bool) {
	for key := range notRun {
		name, first, _ := strings.Cut(key, ": ")
		if name == p.name && strings.HasPrefix(c.unrun, first) {
			seen[key] = true
			return
		}
	}
	t.Errorf("%s:%d: this block is marked sh, so that it is not run: mark it console, or give the reason in notRun", p.name, c.line)
}

// reader is somebody who goes through one page.
type reader struct {
	t     *testing.T
	page  *page
	souk  *soukdev.Souk
	shell *shell
	dir   string

	started bool // souk dev
	shared  *common
}

// folder is one that only its owner can enter, as with a home; its path is
// short, for it holds sockets.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "docs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// common is a souk dev for all pages that only look; it ends with the whole test.
type common struct {
	whole *testing.T
	souk  *soukdev.Souk
	once  sync.Once
}

func (c *common) start(t *testing.T) *soukdev.Souk {
	c.once.Do(func() {
		c.souk = c.souk.Another(c.whole, filepath.Join(folder(c.whole), ".souk"))
		c.souk.Begin()
		c.souk.Cleanup()
		c.souk.For(t).AwaitStart()
		c.souk.For(t).AwaitOpen()
	})
	return c.souk
}

func walk(t *testing.T, souk *soukdev.Souk, shared *common, p *page) {
	dir := folder(t)
	r := &reader{t: t, page: p, souk: souk.Another(t, filepath.Join(dir, ".souk")), dir: dir, shared: shared}
	outputs := map[int][]string{}
	for i, c := range p.parts {
		switch {
		case c.directive != "":
			r.follow(c)
		case c.command != "":
			if got, ok := r.run(c, i+1 < len(p.parts) && p.parts[i+1].command == "echo $?"); !ok {
				outputs[i] = got
			}
		}
		if t.Failed() && !*update {
			break // the rest builds on it
		}
	}
	if *update {
		if err := p.rewrite(root, outputs); err != nil {
			t.Fatal(err)
		}
	}
	if r.started {
		r.souk.Interrupt()
	}
}

// follow does what a directive says.
func (r *reader) follow(c part) {
	r.t.Helper()
	switch c.directive {
	case "kill everything, start again":
		r.souk.KillAll()
		r.start()
	case onlyLooks:
		r.souk = r.shared.start(r.t)
		r.open(nil)
	case "no souk dev, as an ordinary user":
		r.open(r.ordinary())
	default:
		r.t.Fatalf("%s:%d: unknown directive %q", r.page.name, c.line, c.directive)
	}
}

func (r *reader) start() {
	r.souk.Begin()
	if !r.started {
		r.started = true
		r.souk.Cleanup()
	}
	r.souk.AwaitStart()
	r.souk.AwaitOpen()
}

// open opens the reader's shell. What it leaves running ends with the test.
func (r *reader) open(as *syscall.Credential) {
	source, err := filepath.Abs(root)
	if err != nil {
		r.t.Fatal(err)
	}
	if data := filepath.Join(r.dir, ".souk"); r.souk.DataDir != data && as == nil {
		if err := os.Symlink(r.souk.DataDir, data); err != nil {
			r.t.Fatal(err)
		}
	}
	r.shell = newShell(r.t, r.dir, []string{"PATH=" + r.bin(as) + ":" + os.Getenv("PATH"), "HOME=" + r.dir, "SOUK_SOURCE=" + source}, as)
	r.t.Cleanup(func() {
		for _, pid := range worksIn(r.dir) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// bin is the folder of the program, which another account cannot enter.
func (r *reader) bin(as *syscall.Credential) string {
	if as == nil {
		return r.souk.Bin
	}
	program, err := os.ReadFile(filepath.Join(r.souk.Bin, "souk"))
	if err != nil {
		r.t.Fatal(err)
	}
	dir := filepath.Join(r.dir, "bin")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "souk"), program, 0o755)); err != nil {
		r.t.Fatal(err)
	}
	return dir
}

// worksIn returns the processes whose current folder is in dir.
func worksIn(dir string) []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range links {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if cwd, _ := os.Readlink(link); cwd == dir || strings.HasPrefix(cwd, dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ordinary is an account that is not root's; the page's folder becomes its own.
func (r *reader) ordinary() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		r.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(r.dir, uid, gid); err != nil {
		r.t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// run carries out one command and compares. It returns what was printed, and
// whether that is as the page shows.
func (r *reader) run(c part, mayFail bool) ([]string, bool) {
	r.t.Helper()
	if r.shell == nil {
		r.start()
		r.open(nil)
	}
	// The address of the pages is the default one; the test takes a free one.
	got, code, err := r.shell.run(strings.ReplaceAll(c.command, "127.0.0.1:8080", r.souk.Listen))
	if err != nil {
		r.t.Fatalf("%s:%d: %s\n%v\n%s", r.page.name, c.line, c.command, err, strings.Join(got, "\n"))
	}
	for i := range got {
		got[i] = strings.ReplaceAll(strings.ReplaceAll(strings.TrimRight(got[i], " "), r.souk.Listen, "127.0.0.1:8080"), r.dir, "/home/ann/souk")
	}
	if code != 0 && !mayFail {
		r.t.Errorf("%s:%d: %s\nended with %d:\n%s", r.page.name, c.line, c.command, code, strings.Join(got, "\n"))
	}
	if matches(c.want, got) {
		return nil, true
	}
	if !*update {
		r.t.Errorf("%s:%d: %s\nprinted\n%s\nwhere the page shows\n%s", r.page.name, c.line, c.command, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
	}
	return slices.Clone(got), false
}
