package supervisor

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"souk/internal/agent/durable"
)

// The range of uids that a zone's instances get unless it is told otherwise:
// one of those that neither Debian nor systemd gives out (which end at
// 1,879,048,191), chosen by the zone's folder, so that two zones on one machine
// hardly ever share one.
const (
	uidFirst = 2_000_000_000
	uidCount = 10_000
	uidZones = 10_000
)

// Main is the command "souk supervise", which needs root. It prints "ready" on
// stdout once it answers, and returns the exit code.
func Main(args []string) int {
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	root := flags.String("root", "", "the folder of all instances")
	socket := flags.String("socket", "", "the unix socket to listen on")
	agentUID := flags.Int("agent-uid", -1, "the uid of the agent's account")
	agentGID := flags.Int("agent-gid", -1, "the gid of the agent's account")
	base := flags.Int("uid-base", 0, "the first uid for instances (default: chosen by the folder)")
	count := flags.Int("uid-count", uidCount, "how many uids from there on")
	if flags.Parse(args) != nil {
		return 2
	}
	if *root == "" || *socket == "" || *agentUID < 0 || *agentGID < 0 || *count < 1 || *base < 0 {
		fmt.Fprintln(os.Stderr, "souk supervise needs --root, --socket, --agent-uid and --agent-gid")
		return 2
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("part", "supervisor")
	if os.Getuid() != 0 {
		log.Error("souk supervise needs root; without root the agent does its work itself")
		return 1
	}
	cfg := Config{Root: *root, UIDBase: *base, UIDCount: *count, AgentUID: *agentUID, AgentGID: *agentGID, Logger: log}
	if err := serve(cfg, *socket); err != nil {
		log.Error("the supervisor ends", "error", err)
		return 1
	}
	return 0
}

func serve(cfg Config, socket string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	root, err := filepath.Abs(cfg.Root)
	if err != nil {
		return err
	}
	cfg.Root = root
	if cfg.UIDBase == 0 {
		cfg.UIDBase = uidFirst + int(hash(root)%uidZones)*uidCount
	}
	if err := os.MkdirAll(root, 0o711); err != nil {
		return err
	}
	alone, err := durable.LockFolder(root)
	if err != nil {
		return err
	}
	defer func() { _ = alone.Unlock() }()
	s, err := New(cfg)
	if err != nil {
		return err
	}
	listener, err := s.listen(socket)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	fmt.Println("ready")
	return s.serve(ctx, listener)
}
