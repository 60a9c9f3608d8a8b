// The programs in Go. One process runs one program and prints one line of JSON:
//
//	goroutines-bench-go <program> <workers> [quick]
//
// net.go has those with servers. The standard library alone; built by the Rust
// side with "go build main.go net.go".
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var quick bool

// size gives the full size, or a tenth of it.
func size(full int) int {
	if quick {
		return full / 10
	}
	return full
}

type figure struct {
	key   string
	value float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		serve(os.Args[2:])
		return
	}
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: goroutines-bench-go <program> <workers> [quick]")
		os.Exit(2)
	}
	workers, err := strconv.Atoi(os.Args[2])
	program, known := programs[os.Args[1]]
	if err != nil || !known {
		fmt.Println(`{"skipped":"no such program"}`)
		return
	}
	quick = len(os.Args) > 3 && os.Args[3] == "quick"
	runtime.GOMAXPROCS(workers)
	var pairs []string
	for _, f := range program() {
		pairs = append(pairs, fmt.Sprintf("%q:%g", f.key, f.value))
	}
	fmt.Printf("{%s}\n", strings.Join(pairs, ","))
}

var programs = map[string]func() []figure{
	"spawn": func() []figure {
		n := size(1_000_000)
		return perItem(n, func() { spawnAll(n) })
	},
	"spawn_100k": func() []figure {
		spawnAll(size(100_000))
		return []figure{{"peak_mib", peakMiB()}}
	},
	"spawn_join":   spawnJoin,
	"yield1":       func() []figure { return yields(1, size(1_000_000)) },
	"yield2":       func() []figure { return yields(2, size(1_000_000)) },
	"yield1k":      func() []figure { return yields(1_000, size(2_000_000)) },
	"yield10k":     func() []figure { return yields(10_000, size(2_000_000)) },
	"parked":       parked,
	"skynet_chan":  func() []figure { return skynet(skynetChanRoot) },
	"skynet_join":  func() []figure { return skynet(func(n int) int { return skynetJoin(0, n) }) },
	"fib":          func() []figure { return fibRounds(2, fib) },
	"fib_half":     func() []figure { return fibRounds(1, fibHalf) },
	"sleepers":     sleepers,
	"msort":        msort,
	"idle":         idle,
	"pingpong":     pingpong,
	"chan_1x1":     func() []figure { return channel(1) },
	"chan_4x4":     func() []figure { return channel(4) },
	"select4":      select4,
	"ring":         ring,
	"mutex":        mutex,
	"rwlock":       rwlock,
	"mutex_free":   mutexFree,
	"chan_threads": chanThreads,
	"ctx_tree":     ctxTree,
	"stream":       stream,
}

// status reads one line of /proc/self/status.
func status(key string) float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), key+":"); found {
			value, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return value
		}
	}
	return 0
}

func residentBytes() float64 { return (status("VmRSS") + status("VmPTE")) * 1024 }
func peakMiB() float64       { return status("VmHWM") / 1024 }

func ns(d time.Duration) float64 { return float64(d.Nanoseconds()) }
func ms(d time.Duration) float64 { return ns(d) / 1e6 }

func nsEach(start time.Time, n int) []figure {
	return []figure{{"ns", ns(time.Since(start)) / float64(n)}}
}

func check(right bool) {
	if !right {
		panic("wrong answer")
	}
}

// firstAndWarm gives the first round, and the median of three more.
func firstAndWarm(round func()) (first, warm time.Duration) {
	timed := func() time.Duration {
		start := time.Now()
		round()
		return time.Since(start)
	}
	first = timed()
	more := []time.Duration{timed(), timed(), timed()}
	slices.Sort(more)
	return first, more[1]
}

func perItem(n int, round func()) []figure {
	first, warm := firstAndWarm(round)
	return []figure{{"first_ns", ns(first) / float64(n)}, {"warm_ns", ns(warm) / float64(n)}}
}

func spawnAll(n int) {
	var group sync.WaitGroup
	group.Add(n)
	for range n {
		go func() { group.Done() }()
	}
	group.Wait()
}

func spawnJoin() []figure {
	n := size(100_000)
	var start time.Time
	for i := range n + n/10 {
		if i == n/10 {
			start = time.Now()
		}
		done := make(chan struct{})
		go func() { close(done) }()
		<-done
	}
	return nsEach(start, n)
}

// yields: all start and yield round and round; the last to arrive starts the
// clock.
func yields(goroutines, total int) []figure {
	each := total / goroutines
	var group sync.WaitGroup
	var there atomic.Int64
	var open atomic.Bool
	var start time.Time
	group.Add(goroutines)
	for range goroutines {
		go func() {
			if there.Add(1) == int64(goroutines) {
				start = time.Now()
				open.Store(true)
			}
			for !open.Load() {
				runtime.Gosched()
			}
			for range each {
				runtime.Gosched()
			}
			group.Done()
		}()
	}
	group.Wait()
	return nsEach(start, each*goroutines)
}

func parked() []figure {
	n := size(100_000)
	var started, finished sync.WaitGroup
	started.Add(n)
	finished.Add(n)
	gate := make(chan struct{})
	before := residentBytes()
	start := time.Now()
	for range n {
		go func() {
			started.Done()
			<-gate
			finished.Done()
		}()
	}
	started.Wait()
	create := time.Since(start)
	after := residentBytes()
	start = time.Now()
	close(gate)
	finished.Wait()
	wake := time.Since(start)
	count := float64(n)
	return []figure{
		{"bytes", (after - before) / count},
		{"create_us", ns(create) / 1e3 / count},
		{"wake_ns", ns(wake) / count},
	}
}

func skynet(run func(leaves int) int) []figure {
	leaves := size(1_000_000)
	first, warm := firstAndWarm(func() { check(run(leaves) == leaves*(leaves-1)/2) })
	return []figure{{"first_ms", ms(first)}, {"warm_ms", ms(warm)}, {"peak_mib", peakMiB()}}
}

func skynetChanRoot(leaves int) int {
	sums := make(chan int)
	go skynetChan(sums, 0, leaves)
	return <-sums
}

func skynetChan(to chan<- int, first, leaves int) {
	if leaves == 1 {
		to <- first
		return
	}
	sums := make(chan int)
	for i := range 10 {
		go skynetChan(sums, first+i*(leaves/10), leaves/10)
	}
	sum := 0
	for range 10 {
		sum += <-sums
	}
	to <- sum
}

func skynetJoin(first, leaves int) int {
	if leaves == 1 {
		return first
	}
	var group sync.WaitGroup
	var sums [10]int
	group.Add(10)
	for i := range 10 {
		go func() {
			sums[i] = skynetJoin(first+i*(leaves/10), leaves/10)
			group.Done()
		}()
	}
	group.Wait()
	sum := 0
	for _, part := range sums {
		sum += part
	}
	return sum
}

// fibRounds times a Fibonacci program in which every inner call starts spawns
// goroutines. There are fib(n+1) - 1 inner calls.
func fibRounds(spawns int, run func(n int) int) []figure {
	n := 27
	if quick {
		n = 22
	}
	here, next := 0, 1
	for range n {
		here, next = next, here+next
	}
	return perItem((next-1)*spawns, func() { check(run(n) == here) })
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var group sync.WaitGroup
	var a, b int
	group.Add(2)
	go func() { a = fib(n - 1); group.Done() }()
	go func() { b = fib(n - 2); group.Done() }()
	group.Wait()
	return a + b
}

func fibHalf(n int) int {
	if n < 2 {
		return n
	}
	var group sync.WaitGroup
	var a int
	group.Add(1)
	go func() { a = fibHalf(n - 1); group.Done() }()
	b := fibHalf(n - 2)
	group.Wait()
	return a + b
}

// nap says how long sleeper i sleeps: 0 to 100 ms, in steps of a microsecond.
func nap(i int) time.Duration {
	scattered := (uint64(i) + 1) * 0x9e3779b97f4a7c15 >> 32
	return time.Duration(scattered%100_001) * time.Microsecond
}

func sleepers() []figure {
	n := size(1_000_000)
	var group sync.WaitGroup
	var last atomic.Int64
	group.Add(n)
	start := time.Now()
	for i := range n {
		go func() {
			nap := nap(i)
			deadline := int64(time.Since(start) + nap)
			for seen := last.Load(); seen < deadline; seen = last.Load() {
				if last.CompareAndSwap(seen, deadline) {
					break
				}
			}
			time.Sleep(nap)
			group.Done()
		}()
	}
	group.Wait()
	total := time.Since(start)
	over := max(total-time.Duration(last.Load()), 0)
	return []figure{{"over_ms", ms(over)}, {"total_ms", ms(total)}, {"peak_mib", peakMiB()}}
}

const (
	grain = 16_384
	small = 24
)

func shuffled(n int) []uint64 {
	state := uint64(0x9e3779b97f4a7c15)
	data := make([]uint64, n)
	for i := range data {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		data[i] = state
	}
	return data
}

func sortSerially(data, spare []uint64) {
	if len(data) <= small {
		for i := 1; i < len(data); i++ {
			value, j := data[i], i
			for ; j > 0 && data[j-1] > value; j-- {
				data[j] = data[j-1]
			}
			data[j] = value
		}
		return
	}
	middle := len(data) / 2
	sortSerially(data[:middle], spare[:middle])
	sortSerially(data[middle:], spare[middle:])
	merge(data, spare, middle)
}

func sortParallel(data, spare []uint64) {
	if len(data) <= grain {
		sortSerially(data, spare)
		return
	}
	middle := len(data) / 2
	var group sync.WaitGroup
	group.Add(1)
	go func() {
		sortParallel(data[:middle], spare[:middle])
		group.Done()
	}()
	sortParallel(data[middle:], spare[middle:])
	group.Wait()
	merge(data, spare, middle)
}

func merge(data, spare []uint64, middle int) {
	left := spare[:middle]
	copy(left, data)
	i, j := 0, middle
	for k := range data {
		if i == len(left) {
			return
		}
		if j < len(data) && data[j] < left[i] {
			data[k] = data[j]
			j++
		} else {
			data[k] = left[i]
			i++
		}
	}
}

// msort times the serial and the parallel version in turn and takes the better
// of three of each.
func msort() []figure {
	n := size(4_000_000)
	best := func(sort func(data, spare []uint64), before time.Duration) time.Duration {
		data, spare := shuffled(n), shuffled(n)
		start := time.Now()
		sort(data, spare)
		took := time.Since(start)
		check(slices.IsSorted(data))
		return min(took, before)
	}
	serial, parallel := time.Hour, time.Hour
	for range 3 {
		serial = best(sortSerially, serial)
		parallel = best(sortParallel, parallel)
	}
	return []figure{
		{"speedup", ns(serial) / ns(parallel)},
		{"parallel_ms", ms(parallel)},
		{"serial_ms", ms(serial)},
	}
}

func idle() []figure {
	var started sync.WaitGroup
	started.Add(100)
	gate := make(chan struct{})
	for range 100 {
		go func() {
			started.Done()
			<-gate
		}()
	}
	started.Wait()
	fmt.Println(`{"idle":1}`)
	time.Sleep(time.Hour)
	return nil
}

func pingpong() []figure {
	trips := size(300_000)
	ping, pong := make(chan int), make(chan int)
	go func() {
		for i := range ping {
			pong <- i
		}
	}()
	start := time.Now()
	for i := range trips {
		ping <- i
		check(<-pong == i)
	}
	return nsEach(start, trips)
}

func channel(pairs int) []figure {
	each := size(4_000_000) / pairs
	messages := make(chan int, 128)
	var senders, receivers sync.WaitGroup
	senders.Add(pairs)
	receivers.Add(pairs)
	var count atomic.Int64
	start := time.Now()
	for range pairs {
		go func() {
			for i := range each {
				messages <- i
			}
			senders.Done()
		}()
		go func() {
			own := 0
			for range messages {
				own++
			}
			count.Add(int64(own))
			receivers.Done()
		}()
	}
	senders.Wait()
	close(messages)
	receivers.Wait()
	check(count.Load() == int64(each*pairs))
	return nsEach(start, each*pairs)
}

func select4() []figure {
	each := size(400_000) / 4
	var c [4]chan int
	start := time.Now()
	for k := range c {
		c[k] = make(chan int)
		go func() {
			for i := range each {
				c[k] <- i
			}
		}()
	}
	sum, i := 0, 0
	for range each * 4 {
		select {
		case i = <-c[0]:
		case i = <-c[1]:
		case i = <-c[2]:
		case i = <-c[3]:
		}
		sum += i
	}
	check(sum == 4*(each*(each-1)/2))
	return nsEach(start, each*4)
}

func ring() []figure {
	const members = 10_000
	first := make(chan int)
	last := first
	for range members - 1 {
		from, to := last, make(chan int)
		go func() {
			for token := range from {
				to <- token + 1
			}
		}()
		last = to
	}
	// The first lap starts everyone.
	first <- 0
	<-last
	laps := size(1_000_000) / members
	start := time.Now()
	token := 0
	for range laps {
		first <- token
		token = <-last + 1
	}
	check(token == laps*members)
	return nsEach(start, token)
}

func mutex() []figure {
	const goroutines = 1_000
	each := size(1_000)
	var lock sync.Mutex
	var group sync.WaitGroup
	count := 0
	group.Add(goroutines)
	start := time.Now()
	for range goroutines {
		go func() {
			for range each {
				lock.Lock()
				count++
				lock.Unlock()
			}
			group.Done()
		}()
	}
	group.Wait()
	check(count == goroutines*each)
	return nsEach(start, count)
}

func rwlock() []figure {
	const goroutines = 1_000
	each := size(1_000)
	var lock sync.RWMutex
	var group sync.WaitGroup
	count, seen := 0, 0
	group.Add(goroutines)
	start := time.Now()
	for g := range goroutines {
		go func() {
			last := 0
			for i := g; i < g+each; i++ {
				if i%8 == 0 {
					lock.Lock()
					count++
					lock.Unlock()
				} else {
					lock.RLock()
					last = count
					lock.RUnlock()
				}
			}
			lock.Lock()
			seen = max(seen, last)
			lock.Unlock()
			group.Done()
		}()
	}
	group.Wait()
	check(count == goroutines*each/8 && seen <= count)
	return nsEach(start, goroutines*each)
}

func mutexFree() []figure {
	n := size(10_000_000)
	guarded := new(struct {
		sync.Mutex
		count int
	})
	start := time.Now()
	for range n {
		guarded.Lock()
		guarded.count++
		guarded.Unlock()
	}
	check(guarded.count == n)
	return nsEach(start, n)
}

func chanThreads() []figure {
	n := size(2_000_000)
	runtime.LockOSThread()
	messages := make(chan int, 128)
	start := time.Now()
	go func() {
		runtime.LockOSThread()
		for i := range n {
			messages <- i
		}
		close(messages)
	}()
	sum := 0
	for i := range messages {
		sum += i
	}
	check(sum == n*(n-1)/2)
	return nsEach(start, n)
}

func ctxTree() []figure {
	n := size(10_000)
	tree := make([]context.Context, n)
	root, cancel := context.WithCancel(context.Background())
	tree[0] = root
	for i := 1; i < n; i++ {
		var own context.CancelFunc
		tree[i], own = context.WithCancel(tree[(i-1)/10])
		defer own()
	}
	var started, finished sync.WaitGroup
	started.Add(n)
	finished.Add(n)
	for _, ctx := range tree {
		go func() {
			done := ctx.Done()
			started.Done()
			<-done
			finished.Done()
		}()
	}
	started.Wait()
	start := time.Now()
	cancel()
	call := time.Since(start)
	finished.Wait()
	return []figure{{"cancel_ms", ms(call)}, {"all_ms", ms(time.Since(start))}}
}
