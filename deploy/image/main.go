// Command image makes the container image of souk from its program, without a
// container runtime, and pushes it to a registry. The same program gives the
// same image, to the byte.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

const usage = `Usage:
  image build -program bin/souk -version VERSION -out bin/souk.oci.tar
  image push  -from bin/souk.oci.tar [-plain-http] REGISTRY/NAME:TAG`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to do\n%s", usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "build":
		program := flags.String("program", "bin/souk", "the static program")
		version := flags.String("version", "unknown", "its version")
		arch := flags.String("arch", runtime.GOARCH, "the processor that it is for")
		file := flags.String("out", "bin/souk.oci.tar", "the archive to write, an OCI layout")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return buildTo(*file, *program, *version, *arch, out)
	case "push":
		file := flags.String("from", "bin/souk.oci.tar", "the archive")
		plain := flags.Bool("plain-http", false, "the registry has no TLS")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		if flags.NArg() != 1 {
			return fmt.Errorf("give one REGISTRY/NAME:TAG\n%s", usage)
		}
		return push(ctx, *file, flags.Arg(0), *plain, out)
	}
	return fmt.Errorf("there is no %q\n%s", args[0], usage)
}

func buildTo(file, program, version, arch string, out io.Writer) error {
	image, err := build(program, version, arch)
	if err != nil {
		return err
	}
	if err := writeArchive(file, image); err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s\n", file, digest)
	return nil
}
