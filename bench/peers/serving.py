"""What the peers' programs share: requests come in as lines of JSON, and each is answered by one.

A request has a configuration as `bench_training_step --list` describes it, a mode, and how many seconds to measure.
What a program has prepared for it stays until a request for something else comes, so that a comparison can go back and
forth.
"""
import json, os, statistics, sys, time


def timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def milliseconds(step, seconds, warm):
    """Median of single calls that go on for so many seconds: three at least, or fewer when they take long. A first call
    warms up, or is all there is when it takes more than 5 seconds."""
    if not warm and (first := timed(step)) > 5:
        return first * 1e3
    times = []
    while sum(times) < seconds or (len(times) < 3 and sum(times) < 2):
        times.append(timed(step))
    return statistics.median(times) * 1e3


def status(field):
    """Of this process's memory, in MB."""
    with open('/proc/self/status') as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def added_memory(step):
    """MB by which the memory of the process rises above what it has now, while the step runs twice."""
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')  # resets the peak
    before = status('VmRSS')
    step()
    step()
    return status('VmHWM') - before


def serve(prepare, version):
    """prepare(request) returns the function to time, and one that brings parameters back to their first values: what a
    step costs may depend on how far training has come. The request is a dict."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # sends the output of libraries to standard error
    current, step, restart, ms = None, None, None, 0
    for line in sys.stdin:
        request = json.loads(line)
        key = request['cfg'], request['mode']
        if key != current:
            step = restart = None  # frees memory before the next one is prepared
            current, (step, restart), ms = key, prepare(request), 0
        restart()
        if request['mode'] == 'memory':
            answer = {'megabytes': added_memory(step)}
        else:
            ms = milliseconds(step, request['seconds'], ms > 1000)
            answer = {'ms': ms}
        print(json.dumps({**answer, 'version': version}), file=answers, flush=True)
