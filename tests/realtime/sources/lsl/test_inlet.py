from realtime.sources.lsl.inlet import ClockReading


def test_a_jump_within_the_errors_of_two_readings_is_none():
    assert ClockReading(0.0, 0.01).jump_from(ClockReading(0.02, 0.01)) == 0.0
    assert ClockReading(0.0, 0.001).jump_from(ClockReading(0.02, 0.001)) == 0.02
