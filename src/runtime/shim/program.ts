/**
 * The small program that stays with a container while the agent may come and go. It is Perl because Perl is on every
 * Debian (perl-base is essential) and takes 5 MB where a Node process takes 40; see README.md for the measurements.
 *
 * - `log`: a containerd `binary://` logger. Reads stdout and stderr on descriptors 3 and 4, says ready by closing 5.
 * - `run`: starts a command in a process group of its own, logs it, and leaves its exit code in a file.
 * - `pty`: runs a command on a new pseudo terminal, relayed to its own stdin and stdout; "ROWS COLUMNS" lines on
 *   descriptor 3 set the size. Ends with the command's exit code.
 * - `pause`: the init of a shared PID namespace.
 * - `relay`: copies between its stdin/stdout and a TCP connection, half-closing each way.
 */
export const shimProgram = String.raw`#!/usr/bin/perl
use strict;
use POSIX ();
use Errno qw(EINTR EAGAIN EIO);
use IO::Socket::INET;
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

# run path MAX exit FILE pid FILE cwd DIR stdin FIFO|- -- command…
sub run_command {
  my ($o, @command) = @_;
  my $log = Log->open($o->{path}, $o->{max});
  for my $s (qw(TERM INT HUP)) { $SIG{$s} = 'IGNORE'; }
  pipe(my $or, my $ow); pipe(my $er, my $ew);
  my $pid = fork();
  if ($pid == 0) {
    for my $s (qw(TERM INT HUP PIPE)) { $SIG{$s} = 'DEFAULT'; }
    POSIX::setpgid(0, 0);
    my $in = $o->{stdin};
    if (defined $in && $in ne '-') { open(STDIN, '+<', $in) } else { open(STDIN, '<', '/dev/null') }
    POSIX::dup2(fileno($ow), 1); POSIX::dup2(fileno($ew), 2);
    POSIX::close($_) for grep { $_ > 2 } map { fileno($_) } ($or, $ow, $er, $ew);
    if (!chdir($o->{cwd})) { syswrite(STDERR, "cannot enter $o->{cwd}: $!\n"); POSIX::_exit(128); }
    exec { $command[0] } @command;
    syswrite(STDERR, "exec $command[0]: $!\n"); POSIX::_exit($! == 2 ? 127 : 126);
  }
  close $ow; close $ew;
  write_file($o->{pid}, "$pid\n");
  my $status; my $late = 0;
  # Output may be held open by grandchildren: half a second after the end, reading stops.
  pump({ fileno($or) => 'stdout', fileno($er) => 'stderr' }, sub { $log->take(@_) }, sub { $log->finish($_[0]) },
    sub {
      if (!defined $status && waitpid($pid, POSIX::WNOHANG()) == $pid) { $status = $?; write_file($o->{exit}, code_of($status) . "\n"); }
      if (defined $status && ++$late > 10) { $log->finish($_) for qw(stdout stderr); kill('KILL', -$pid); POSIX::_exit(0); }
      return 0.05;
    });
  if (!defined $status) { waitpid($pid, 0); $status = $?; write_file($o->{exit}, code_of($status) . "\n"); }
  kill('KILL', -$pid);
  return 0;
}

sub run_pty {
  my @command = @_;
  open(my $master, '+<', '/dev/ptmx') or die "cannot open /dev/ptmx: $!";
  my $n = pack('i', 0);
  my $zero = pack('i', 0);
  ioctl($master, 0x40045431, $zero) or die "cannot unlock the terminal: $!";
  ioctl($master, 0x80045430, $n) or die "cannot name the terminal: $!";
  my $slave = '/dev/pts/' . unpack('i', $n);
  my $pid = fork();
  if ($pid == 0) {
    POSIX::setsid();
    open(my $tty, '+<', $slave) or POSIX::_exit(126);
    ioctl($tty, 0x540E, 0);
    my $t = POSIX::Termios->new; $t->getattr(fileno($tty));
    $t->setiflag(0); $t->setoflag(0); $t->setlflag(0);
    $t->setattr(fileno($tty), POSIX::TCSANOW());
    POSIX::dup2(fileno($tty), $_) for 0, 1, 2;
    POSIX::close($_) for 3 .. 20;
    exec { $command[0] } @command;
    POSIX::_exit(127);
  }
  my $m = fileno($master); my $sizes = '';
  my %open = (0 => 'in', 3 => 'size', $m => 'tty');
  while (exists $open{$m}) {
    my $r = ''; vec($r, $_, 1) = 1 for keys %open;
    next if select(my $ready = $r, undef, undef, undef) <= 0;
    for my $fd (keys %open) {
      next unless vec($ready, $fd, 1);
      my $got = POSIX::read($fd, my $bytes, 65536);
      next if !defined $got && ($! == EINTR || $! == EAGAIN);
      if (!$got) { write_all($m, "\x04") if $open{$fd} eq 'in'; delete $open{$fd}; next; }
      $bytes = substr($bytes, 0, $got);
      if ($open{$fd} eq 'in') { write_all($m, $bytes); }
      elsif ($open{$fd} eq 'tty') { write_all(1, $bytes) or do { kill('HUP', $pid); delete $open{$m}; }; }
      else {
        $sizes .= $bytes;
        while ($sizes =~ s/^(\d+) (\d+)\n//) {
          my $size = pack('S4', $1, $2, 0, 0);
          ioctl($master, 0x5414, $size);
          kill('WINCH', $pid);
        }
      }
    }
  }
  waitpid($pid, 0);
  return code_of($?);
}

sub run_relay {
  my ($host, $port) = @_;
  my $sock = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => 'tcp', Timeout => 10);
  if (!$sock) { print STDERR "failed to connect to $host:$port inside the pod's network: $!\n"; return 1; }
  my $s = fileno($sock);
  pump({ 0 => 'in', $s => 'sock' },
    sub { my ($from, $bytes) = @_; write_all($from eq 'in' ? $s : 1, $bytes) or exit 0; },
    sub { $_[0] eq 'in' ? shutdown($sock, 1) : POSIX::close(1); });
  return 0;
}

my $mode;
if (@ARGV && $ARGV[0] =~ /^(run|pty|relay|pause)$/) { $mode = shift @ARGV; }
else { $mode = 'log'; }
if ($mode eq 'log') { exit run_logger(@ARGV); }
if ($mode eq 'pause') { $| = 1; print "ready\n"; close STDOUT; $SIG{CHLD} = 'IGNORE'; $SIG{$_} = 'IGNORE' for qw(TERM INT HUP); sleep 1000000 while 1; }
if ($mode eq 'relay') { exit run_relay(@ARGV); }
if ($mode eq 'pty') { exit run_pty(@ARGV); }
my %o; while (@ARGV && $ARGV[0] ne '--') { my $k = shift @ARGV; $o{$k} = shift @ARGV; }
shift @ARGV;
exit run_command(\%o, @ARGV);
`;
