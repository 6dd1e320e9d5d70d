"""Common code of the peers' programs: each request is a line of JSON, each reply too.

A request contains a configuration as printed by `bench_training_step --list`, a mode, and the seconds to measure. The
prepared model is kept until a request for another configuration or mode, so that peers can alternate.
"""
import json, os, statistics, sys, time


def timed(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def milliseconds(step, seconds, warm):
    """Median time of a call in milliseconds. Calls are repeated for `seconds` seconds, at least three times unless they
    take longer than 2 seconds in total. A first call warms up; if it takes more than 5 seconds, its time is returned."""
    if not warm and (first := timed(step)) > 5:
        return first * 1e3
    times = []
    while sum(times) < seconds or (len(times) < 3 and sum(times) < 2):
        times.append(timed(step))
    return statistics.median(times) * 1e3


def status(field):
    """Field of this process's status, in MB."""
    with open('/proc/self/status') as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def added_memory(step):
    """Peak memory during two steps minus the present memory, in MB."""
    with open('/proc/self/clear_refs', 'w') as file:
        file.write('5')  # resets the peak
    before = status('VmRSS')
    step()
    step()
    return status('VmHWM') - before


def serve(prepare, version):
    """Replies to requests. prepare(request), with a dict, returns the function to time and one that resets parameters to
    initial values, because the time of a step may depend on the progress of training."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # sends the output of libraries to standard error
    current, step, restart, ms = None, None, None, 0
    for line in sys.stdin:
        request = json.loads(line)
        try:
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
        except RuntimeError as error:  # a configuration that the library cannot run on this processor
            answer = {'error': str(error).split('. ')[0]}
        print(json.dumps({**answer, 'version': version}), file=answers, flush=True)
