#!/usr/bin/perl
use strict;
use POSIX ();
use Errno qw(EINTR EAGAIN EIO);
my $hires = eval { require Time::HiRes; 1 };
$SIG{PIPE} = 'IGNORE';

sub stamp {
  my ($s, $ns);
  if ($hires) { my $t = Time::HiRes::clock_gettime(0); $s = int($t); $ns = int(($t - $s) * 1e6) * 1000; }
  else { $s = time; $ns = 0; }
  my @g = gmtime($s);
  return sprintf('%04d-%02d-%02dT%02d:%02d:%02d.%09dZ', $g[5]+1900, $g[4]+1, @g[3,2,1,0], $ns);
}

# ---- the log: CRI format, one rotation when it is full
package Log {
  sub open {
    my ($class, $path, $max) = @_;
    my $self = bless { path => $path, max => $max || 0, part => {} }, $class;
    $self->reopen; return $self;
  }
  sub reopen {
    my $self = shift;
    CORE::open($self->{fh}, '>>', $self->{path}) or die "cannot open $self->{path}: $!";
    $self->{size} = -s $self->{fh} || 0;
  }
  sub put {
    my ($self, $text) = @_;
    if ($self->{max} > 0 && $self->{size} > 0 && $self->{size} + length($text) > $self->{max}) {
      rename($self->{path}, "$self->{path}.1"); $self->reopen;
    }
    my $at = 0;
    while ($at < length($text)) {
      my $n = syswrite($self->{fh}, $text, length($text) - $at, $at);
      last unless defined $n; # a full disk loses log lines and never stops the container
      $at += $n;
    }
    $self->{size} += length($text);
  }
  # Takes bytes of a stream: whole lines are F, pieces over 16 KiB are P.
  sub take {
    my ($self, $stream, $bytes) = @_;
    my $buffer = delete($self->{part}{$stream}) // '';
    $buffer .= $bytes;
    my $now = main::stamp(); my $out = '';
    my $at = 0;
    while ((my $end = index($buffer, "\n", $at)) >= 0) {
      my $line = substr($buffer, $at, $end - $at); $at = $end + 1;
      while (length($line) > 16384) { $out .= "$now $stream P " . substr($line, 0, 16384, '') . "\n"; }
      $out .= "$now $stream F $line\n";
    }
    my $rest = substr($buffer, $at);
    while (length($rest) >= 16384) { $out .= "$now $stream P " . substr($rest, 0, 16384, '') . "\n"; }
    $self->{part}{$stream} = $rest if length $rest;
    $self->put($out) if length $out;
  }
  sub finish {
    my ($self, $stream) = @_;
    my $rest = delete($self->{part}{$stream}) // '';
    $self->put(main::stamp() . " $stream F $rest\n") if length $rest;
  }
}
package main;

# Reads several descriptors until all have ended. $on->(name, bytes), $end->(name)
sub pump {
  my ($fds, $on, $end, $poll) = @_;
  my %open = %$fds;
  while (%open) {
    my $r = ''; vec($r, $_, 1) = 1 for keys %open;
    my $n = select(my $ready = $r, undef, undef, $poll ? $poll->() : undef);
    next if $n <= 0;
    for my $fd (keys %open) {
      next unless vec($ready, $fd, 1);
      my $got = POSIX::read($fd, my $bytes, 65536);
      if (defined $got && $got > 0) { $on->($open{$fd}, substr($bytes, 0, $got)); next; }
      next if !defined $got && ($! == EINTR || $! == EAGAIN);
      $end->($open{$fd}); delete $open{$fd};
    }
  }
}

sub write_all {
  my ($fd, $bytes) = @_;
  my $at = 0;
  while ($at < length $bytes) {
    my $n = POSIX::write($fd, substr($bytes, $at), length($bytes) - $at);
    if (!defined $n) { next if $! == EINTR; if ($! == EAGAIN) { select(undef, undef, undef, 0.005); next; } return 0; }
    $at += $n;
  }
  return 1;
}

sub code_of { my $s = shift; return ($s & 127) ? 128 + ($s & 127) : $s >> 8; }

sub write_file {
  my ($path, $text) = @_;
  open(my $fh, '>', "$path.tmp") or return; print $fh $text; close $fh; rename("$path.tmp", $path);
}

sub run_logger {
  my %o = @_;
  my $log = Log->open($o{path}, $o{max});
  POSIX::close(5);
  for my $s (qw(TERM INT HUP)) { $SIG{$s} = 'IGNORE'; }
  pump({ 3 => 'stdout', 4 => 'stderr' }, sub { $log->take(@_) }, sub { $log->finish($_[0]) });
  return 0;
}

# A command with its streams: on a new terminal, or on pipes. Returns pid, and descriptors for input, output, errors.
sub spawn_command {
  my ($o, @command) = @_;
  my ($master, $slave, $ir, $iw, $or, $ow, $er, $ew);
  if ($o->{tty}) { ($master, $slave) = open_terminal(); }
  else { pipe($ir, $iw); pipe($or, $ow); pipe($er, $ew); }
  # Its pid is told only when it leads a group of its own, so that signals to the group reach it.
  pipe(my $gr, my $gw);
  my $pid = fork();
  if ($pid == 0) {
    for my $s (qw(TERM INT HUP PIPE QUIT)) { $SIG{$s} = 'DEFAULT'; }
    POSIX::setsid();
    if ($o->{tty}) { take_terminal($slave, $o->{raw}); }
    else {
      my $in = $ir;
      CORE::open($in, '<', '/dev/null') if !$o->{stdin};
      POSIX::dup2(fileno($in), 0); POSIX::dup2(fileno($ow), 1); POSIX::dup2(fileno($ew), 2);
    }
    POSIX::close($_) for 3 .. 60;
    if (defined $o->{cwd} && !chdir($o->{cwd})) {
      syswrite(STDERR, "cannot enter $o->{cwd}: $!\n"); POSIX::_exit(128);
    }
    { exec { $command[0] } @command; }
    syswrite(STDERR, "exec: \"$command[0]\": $!\n"); POSIX::_exit($! == 2 ? 127 : 126);
  }
  close $gw; sysread($gr, my $nothing, 1); close $gr;
  return ($pid, $master, $master, undef) if $o->{tty};
  close $ir; close $ow; close $ew;
  if (!$o->{stdin}) { close $iw; undef $iw; }
  return ($pid, $iw, $or, $er);
}

sub open_terminal {
  CORE::open(my $master, '+<', '/dev/ptmx') or die "cannot open /dev/ptmx: $!";
  my $n = pack('i', 0); my $zero = pack('i', 0);
  ioctl($master, 0x40045431, $zero) or die "cannot unlock the terminal: $!";
  ioctl($master, 0x80045430, $n) or die "cannot name the terminal: $!";
  return ($master, '/dev/pts/' . unpack('i', $n));
}

# In the child, after setsid. A raw terminal is one whose other end has a terminal of its own.
sub take_terminal {
  my ($slave, $raw) = @_;
  CORE::open(my $tty, '+<', $slave) or POSIX::_exit(126);
  ioctl($tty, 0x540E, 0);
  if ($raw) {
    my $t = POSIX::Termios->new; $t->getattr(fileno($tty));
    $t->setiflag(0); $t->setoflag(0); $t->setlflag(0);
    $t->setattr(fileno($tty), POSIX::TCSANOW());
  }
  POSIX::dup2(fileno($tty), $_) for 0, 1, 2;
}

sub resize_terminal {
  my ($master, $pid, $rows, $columns) = @_;
  my $size = pack('S4', $rows, $columns, 0, 0);
  ioctl($master, 0x5414, $size); kill('WINCH', $pid);
}

# Who is attached: frames of one byte for the type, four for the length, then the data.
package Clients {
  sub new {
    my ($class, $path) = @_;
    my $self = bless { list => {} }, $class;
    if (defined $path) {
      unlink $path; require IO::Socket::UNIX;
      $self->{listener} = IO::Socket::UNIX->new(Local => $path, Listen => 16) or die "cannot listen at $path: $!";
    }
    return $self;
  }
  sub accept {
    my $self = shift;
    my $sock = $self->{listener}->accept or return;
    $sock->blocking(0);
    $self->{list}{fileno($sock)} = { sock => $sock, in => '', out => '' };
  }
  sub send {
    my ($self, $type, $bytes) = @_;
    for my $c (values %{$self->{list}}) { $c->{out} .= pack('CN', $type, length $bytes) . $bytes; $self->flush($c); }
  }
  # A client that does not read is let go before it costs memory or stops the container.
  sub flush {
    my ($self, $c) = @_;
    while (length $c->{out}) {
      my $n = syswrite($c->{sock}, $c->{out});
      if (!defined $n) { last if $!{EAGAIN} && length($c->{out}) < 4194304; return $self->drop($c); }
      substr($c->{out}, 0, $n, '');
    }
  }
  sub drop { my ($self, $c) = @_; delete $self->{list}{fileno($c->{sock})}; close $c->{sock}; }
  sub read {
    my ($self, $c, $on) = @_;
    my $n = sysread($c->{sock}, $c->{in}, 65536, length $c->{in});
    return if !defined $n && $!{EAGAIN};
    return $self->drop($c) if !$n;
    while (length $c->{in} >= 5) {
      my ($type, $length) = unpack('CN', $c->{in});
      return $self->drop($c) if $length > 1048576;
      last if length $c->{in} < 5 + $length;
      my $bytes = substr($c->{in}, 5, $length);
      substr($c->{in}, 0, 5 + $length, '');
      $on->($type, $bytes);
    }
  }
}
package main;

# run path LOG max BYTES exit FILE pid FILE [cwd DIR] [sock SOCKET stdin 0|1 once 0|1 tty 0|1 raw 0|1] -- command…
sub run_command {
  my ($o, @command) = @_;
  my $log = Log->open($o->{path}, $o->{max});
  for my $s (qw(TERM INT HUP)) { $SIG{$s} = 'IGNORE'; }
  my $clients = Clients->new($o->{sock});
  my ($pid, $input, $output, $errors) = spawn_command($o, @command);
  write_file($o->{pid}, "$pid\n");
  my %from = (fileno($output) => 'stdout');
  $from{fileno($errors)} = 'stderr' if $errors;
  if ($input) { my $flags = fcntl($input, 3, 0); fcntl($input, 4, $flags | 2048) if !$o->{tty}; }
  my ($pending, $closing, $status, $late) = ('', 0, undef, 0);
  my $reap = sub { if (!defined $status && waitpid($pid, POSIX::WNOHANG()) == $pid) { $status = $?; } };
  my $command = sub {
    my ($type, $bytes) = @_;
    if ($type == 0) { $pending .= $bytes if $o->{stdin}; }
    elsif ($type == 4) { $closing = 1 if $o->{once} || !$o->{tty}; }
    elsif ($type == 5 && $o->{tty} && $bytes =~ /^(\d+) (\d+)/) { resize_terminal($output, $pid, $1, $2); }
  };
  while (%from) {
    my ($r, $w) = ('', '');
    vec($r, $_, 1) = 1 for keys %from;
    vec($r, fileno($clients->{listener}), 1) = 1 if $clients->{listener};
    for my $c (values %{$clients->{list}}) {
      vec($r, fileno($c->{sock}), 1) = 1 if length $pending < 262144;
      vec($w, fileno($c->{sock}), 1) = 1 if length $c->{out};
    }
    vec($w, fileno($input), 1) = 1 if $input && length $pending;
    my $n = select(my $rr = $r, my $ww = $w, undef, 0.1);
    $reap->();
    # Output may be held open by grandchildren: half a second after the end, reading stops.
    last if defined $status && $n <= 0 && ++$late > 5;
    next if $n <= 0;
    $clients->accept if $clients->{listener} && vec($rr, fileno($clients->{listener}), 1);
    for my $c (values %{$clients->{list}}) {
      $clients->flush($c) if vec($ww, fileno($c->{sock}), 1);
    }
    for my $c (values %{$clients->{list}}) {
      $clients->read($c, $command) if vec($rr, fileno($c->{sock}), 1);
    }
    if ($input && length $pending && vec($ww, fileno($input), 1)) {
      my $n = syswrite($input, $pending);
      if (defined $n) { substr($pending, 0, $n, ''); } elsif (!$!{EAGAIN}) { $pending = ''; }
    }
    if ($closing && $input && !length $pending) {
      if ($o->{tty}) { syswrite($input, "\x04"); } else { close $input; undef $input; }
      $closing = 0;
    }
    for my $fd (keys %from) {
      next unless vec($rr, $fd, 1);
      my $got = POSIX::read($fd, my $bytes, 65536);
      next if !defined $got && ($! == EINTR || $! == EAGAIN);
      if (!defined $got || $got == 0) { $log->finish($from{$fd}); delete $from{$fd}; next; }
      $bytes = substr($bytes, 0, $got);
      $log->take($from{$fd}, $bytes);
      $clients->send($from{$fd} eq 'stdout' ? 1 : 2, $bytes);
    }
  }
  $log->finish($_) for qw(stdout stderr);
  if (!defined $status) { waitpid($pid, 0); $status = $?; }
  kill('KILL', -$pid) if !$o->{keep};
  write_file($o->{exit}, code_of($status) . "\n");
  $clients->send(3, code_of($status));
  unlink $o->{sock} if defined $o->{sock};
  return 0;
}

sub run_pty {
  my $raw = 1;
  if ($_[0] eq 'cooked') { $raw = 0; shift; }
  my ($pid, $master) = spawn_command({ tty => 1, raw => $raw }, @_);
  # Told to end: its command hears that the terminal has gone, and is killed when it does not care.
  $SIG{TERM} = sub {
    kill('HUP', -$pid);
    for (1 .. 20) { last if waitpid($pid, POSIX::WNOHANG()) == $pid; select(undef, undef, undef, 0.05); }
    kill('KILL', -$pid);
    POSIX::_exit(143);
  };
  my $m = fileno($master); my $sizes = '';
  my %open = (0 => 'in', 3 => 'size', $m => 'tty');
  while (exists $open{$m}) {
    my $r = ''; vec($r, $_, 1) = 1 for keys %open;
    next if select(my $ready = $r, undef, undef, undef) <= 0;
    for my $fd (keys %open) {
      next unless vec($ready, $fd, 1);
      my $got = POSIX::read($fd, my $bytes, 65536);
      next if !defined $got && ($! == EINTR || $! == EAGAIN);
      if (!defined $got || $got == 0) { write_all($m, "\x04") if $open{$fd} eq 'in'; delete $open{$fd}; next; }
      $bytes = substr($bytes, 0, $got);
      if ($open{$fd} eq 'in') { write_all($m, $bytes); }
      elsif ($open{$fd} eq 'tty') { write_all(1, $bytes) or do { kill('HUP', $pid); delete $open{$m}; }; }
      else {
        $sizes .= $bytes;
        while ($sizes =~ s/^(\d+) (\d+)\n//) {
          resize_terminal($master, $pid, $1, $2);
        }
      }
    }
  }
  waitpid($pid, 0);
  return code_of($?);
}

sub run_relay {
  my ($host, $port) = @_;
  require IO::Socket::INET;
  my $sock = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp', Timeout => 10);
  if (!$sock) { print STDERR "failed to connect to $host:$port inside the pod's network: $!\n"; return 1; }
  my $s = fileno($sock);
  pump({ 0 => 'in', $s => 'sock' },
    sub { my ($from, $bytes) = @_; write_all($from eq 'in' ? $s : 1, $bytes) or exit 0; },
    sub { $_[0] eq 'in' ? shutdown($sock, 1) : POSIX::close(1); });
  return 0;
}

# enter ROOT CWD [SOURCE TARGET ro|rw]… -- command…: in a mount namespace of its own, makes ROOT the root.
sub run_enter {
  my ($root, $cwd) = (shift, shift);
  system('mount', '--rbind', $_, "$root$_") for grep { -d "$root$_" } qw(/proc /sys /dev);
  while (@_ && $_[0] ne '--') {
    my ($source, $target, $access) = splice(@_, 0, 3);
    my $at = "$root$target";
    if (-d $source) { system('mkdir', '-p', $at); }
    else { my ($dir) = $at =~ m{^(.*)/}; system('mkdir', '-p', $dir); CORE::open(my $f, '>>', $at); }
    system('mount', '--bind', $source, $at) == 0 or do { print STDERR "cannot mount $target\n"; POSIX::_exit(128); };
    system('mount', '-o', 'remount,bind,ro', $at) if $access eq 'ro';
  }
  shift @_;
  chroot($root) or do { print STDERR "cannot enter the root: $!\n"; POSIX::_exit(128); };
  chdir($cwd) or do { print STDERR "cannot enter $cwd: $!\n"; POSIX::_exit(128); };
  { exec { $_[0] } @_; }
  print STDERR "exec: \"$_[0]\": $!\n"; POSIX::_exit($! == 2 ? 127 : 126);
}

my $mode;
if (@ARGV && $ARGV[0] =~ /^(run|pty|relay|pause|enter)$/) { $mode = shift @ARGV; }
else { $mode = 'log'; }
if ($mode eq 'log') { exit run_logger(@ARGV); }
if ($mode eq 'pause') { $| = 1; print "ready\n"; close STDOUT; $SIG{CHLD} = 'IGNORE'; $SIG{$_} = 'IGNORE' for qw(TERM INT HUP); sleep 1000000 while 1; }
if ($mode eq 'enter') { run_enter(@ARGV); }
if ($mode eq 'relay') { exit run_relay(@ARGV); }
if ($mode eq 'pty') { exit run_pty(@ARGV); }
my %o; while (@ARGV && $ARGV[0] ne '--') { my $k = shift @ARGV; $o{$k} = shift @ARGV; }
shift @ARGV;
exit run_command(\%o, @ARGV);
