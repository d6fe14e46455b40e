package lifeline_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"souk/internal/dev/lifeline"
)

// TestMain makes the test binary a program that lives on a lifeline: it says
// "ready" and why it ends, or, told to be deaf, does not end by itself.
func TestMain(m *testing.M) {
	if os.Getenv("LIFELINE_TEST") == "" {
		os.Exit(m.Run())
	}
	ctx, err := lifeline.Context(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	if os.Getenv("LIFELINE_TEST") == "deaf" {
		select {}
	}
}

func TestEndsWithItsLauncher(t *testing.T) {
	for _, how := range []string{"polite", "deaf"} {
		t.Run(how, func(t *testing.T) {
			pipe, hold, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = append(os.Environ(), "LIFELINE_TEST="+how, lifeline.Env+"=3")
			cmd.ExtraFiles = []*os.File{pipe}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			if !lines.Scan() || lines.Text() != "ready" {
				t.Fatalf("it said %q", lines.Text())
			}
			began := time.Now()
			hold.Close()
			if !lines.Scan() || lines.Text() != lifeline.ErrLauncherGone.Error() {
				t.Errorf("it ended because %q", lines.Text())
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if deaf := how == "deaf"; deaf != errors.As(err, &exit) {
				t.Errorf("it ended with %v", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestWithoutALauncher(t *testing.T) {
	ctx, err := lifeline.Context(t.Context())
	if err != nil || ctx != t.Context() {
		t.Errorf("got another context, %v", err)
	}
}

func TestWrongDescriptor(t *testing.T) {
	for _, text := range []string{"x", "999"} {
		t.Setenv(lifeline.Env, text)
		if _, err := lifeline.Context(t.Context()); err == nil || !strings.Contains(err.Error(), "unset it") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
