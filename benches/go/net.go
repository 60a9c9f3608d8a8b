// The servers and the stream. One process serves one program:
//
//	goroutines-bench-go serve <program> <port> <workers>
//
// It says "port 12345" as soon as it listens, and ends when its standard input
// does.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const (
	message = 64        // bytes of a request, and of its answer
	buffer  = 1024      // what an echo server gives a connection
	piece   = 64 * 1024 // bytes written, and read, in one go
	hello   = "Hello, World!"
)

func serve(words []string) {
	if len(words) != 3 {
		fmt.Fprintln(os.Stderr, "usage: goroutines-bench-go serve <program> <port> <workers>")
		os.Exit(2)
	}
	workers, err := strconv.Atoi(words[2])
	must(err)
	runtime.GOMAXPROCS(workers)
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:"+words[1])
	must(err)
	fmt.Printf("port %d\n", listener.Addr().(*net.TCPAddr).Port)
	switch words[0] {
	case "echo", "idle_conns":
		each(listener, echo)
	case "accept":
		each(listener, once)
	case "http", "http_wrk":
		must(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, hello)
		})))
	default:
		panic("no such program")
	}
}

// must ends the process on an error: nothing here may fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// each accepts, and gives each connection a goroutine of its own.
func each(listener net.Listener, handle func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		must(err)
		go func() {
			defer conn.Close()
			handle(conn)
		}()
	}
}

// echo goes on until the other side closes; a reset is an end too.
func echo(conn net.Conn) {
	var bytes [buffer]byte
	for {
		n, err := conn.Read(bytes[:])
		if err != nil {
			return
		}
		if _, err := conn.Write(bytes[:n]); err != nil {
			return
		}
	}
}

func once(conn net.Conn) {
	var bytes [message]byte
	if _, err := io.ReadFull(conn, bytes[:]); err == nil {
		conn.Write(bytes[:])
	}
}

// stream: one goroutine writes, another reads.
func stream() []figure {
	total := size(1<<30) / piece * piece
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	start := time.Now()
	go func() {
		conn, err := net.Dial("tcp", listener.Addr().String())
		must(err)
		bytes := make([]byte, piece)
		for range total / piece {
			_, err := conn.Write(bytes)
			must(err)
		}
		must(conn.Close())
	}()
	conn, err := listener.Accept()
	must(err)
	bytes := make([]byte, piece)
	received := 0
	for {
		n, err := conn.Read(bytes)
		received += n
		if err == io.EOF {
			break
		}
		must(err)
	}
	check(received == total)
	elapsed := time.Since(start)
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano())
	return []figure{
		{"mb_s", float64(received) / 1e6 / elapsed.Seconds()},
		{"cpu_ms", ms(cpu)},
	}
}
