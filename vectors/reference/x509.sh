#!/bin/sh
# Writes vectors/x509: certificates, requests and revocation lists made by OpenSSL, which shares no
# code with ours. Signatures and keys are random, so the bytes change with each run; the files in
# the tree are what the tests were written against. Test keys only: secure nothing with them.
set -eu
out=$(cd "$(dirname "$0")/../x509" && pwd)
work=$(mktemp -d)
trap '[ $? = 0 ] || tail -5 "$work/openssl.log"; rm -rf "$work"' EXIT
cd "$work"
id=1234567812345678
exec 2>openssl.log

new_key() { # name curve
    openssl ecparam -genkey -noout -name "$2" -out "$1.key"
}

sign_opts() { # curve id
    if [ "$1" = SM2 ]; then echo "-md sm3 -sigopt distid:$2"; else echo "-md sha256"; fi
}

request() { # name curve subject
    if [ "$2" = SM2 ]; then
        openssl req -new -utf8 -sm3 -sigopt distid:$id -key "$1.key" -subj "$3" -out "$1.csr"
    else
        openssl req -new -utf8 -sha256 -key "$1.key" -subj "$3" -out "$1.csr"
    fi
}

# One data base for each authority, so that its revocation list knows what it issued.
authority() { # name
    mkdir -p "$1.db"
    : >"$1.db/index"
    echo 01 >"$1.db/crlnumber"
    cat >"$1.cnf" <<CNF
[ca]
default_ca = it
[it]
database = $1.db/index
new_certs_dir = $1.db
certificate = $1.pem
private_key = $1.key
rand_serial = yes
unique_subject = no
policy = any
crlnumber = $1.db/crlnumber
crl_extensions = crl
default_md = sm3
[any]
commonName = optional
organizationName = optional
[crl]
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
CNF
}

# issue AUTHORITY NAME CURVE SUBJECT EXTENSIONS [ID] [START] [END] [self]
issue() {
    [ -f "$2.key" ] || new_key "$2" "$3"
    request "$2" "$3" "$4"
    printf '%s\n' "$5" >ext.cnf
    verify=
    [ "$3" = SM2 ] && verify="-vfyopt distid:$id"
    # shellcheck disable=SC2046,SC2086
    openssl ca -batch -notext -utf8 -config "$1.cnf" -in "$2.csr" -out "$2.pem" -extfile ext.cnf \
        $(sign_opts "${curve_of_ca:-SM2}" "${6:-$id}") $verify \
        -startdate "${7:-20260101000000Z}" -enddate "${8:-21260101000000Z}" ${9:-}
    openssl x509 -in "$2.pem" -outform der -out "$out/$2.der"
}

list() { # AUTHORITY FILE CURVE [LAST NEXT]
    # shellcheck disable=SC2046
    openssl ca -gencrl -config "$1.cnf" $(sign_opts "$3" $id) \
        -crl_lastupdate "${4:-20260101000000Z}" -crl_nextupdate "${5:-21260101000000Z}" -out crl.pem
    openssl crl -in crl.pem -outform der -out "$out/$2.der"
}

secret() { # the 32 bytes of a private key, as hexadecimal digits
    openssl ec -in "$1.key" -text -noout | sed -n '/^priv:/,/^pub:/p' | sed '1d;$d' | tr -d ' :\n' |
        sed 's/^00\(.\{64\}\)$/\1/; s/^/0000000000000000/; s/.*\(.\{64\}\)$/\1/' >"$out/$1.key.hex"
}

ca_ext='basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign'
leaf_ext='basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature'
rm -f "$out"/*.der "$out"/*.hex

# The authorities. "impostor" has the root's name and another key.
authority root
issue root root SM2 '/O=Example/CN=Example root' "$ca_ext" '' '' '' -selfsign
authority impostor
issue impostor impostor SM2 '/O=Example/CN=Example root' "$ca_ext" '' '' '' -selfsign
authority stranger
issue stranger stranger SM2 '/O=Elsewhere/CN=Another root' "$ca_ext" '' '' '' -selfsign
issue root inter SM2 '/O=Example/CN=Example issuing' 'basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign'
authority inter
issue inter inter_below SM2 '/O=Example/CN=Below a path length of 0' "$ca_ext"
authority inter_below
issue root inter_free SM2 '/O=Example/CN=Example free' "$ca_ext"
authority inter_free
issue inter_free inter_second SM2 '/O=Example/CN=Example second' "$ca_ext"
authority inter_second
issue inter_second inter_third SM2 '/O=Example/CN=Example third' "$ca_ext"
authority inter_third
issue root inter_not_ca SM2 '/O=Example/CN=No authority' 'basicConstraints = critical, CA:FALSE'
authority inter_not_ca
issue root inter_no_sign SM2 '/O=Example/CN=No certificates' 'basicConstraints = critical, CA:TRUE
keyUsage = critical, cRLSign'
authority inter_no_sign
issue root inter_expired SM2 '/O=Example/CN=Expired issuing' "$ca_ext" '' 20200101000000Z 20250101000000Z
authority inter_expired
issue root inter_names SM2 '/O=Example/CN=Constrained' "$ca_ext
nameConstraints = permitted;DNS:example.com"
authority inter_names

# Members, with keys in the tree for the tests of sessions.
for user in alice bob carol; do
    issue inter $user SM2 "/O=Example/CN=$user" "$leaf_ext
subjectAltName = URI:smrtc-user:$user
extendedKeyUsage = clientAuth"
    secret $user
done
issue root mallory_expired SM2 /CN=mallory "$leaf_ext" '' 20200101000000Z 20250101000000Z
secret mallory_expired
issue stranger mallory_stranger SM2 /CN=mallory "$leaf_ext"
secret mallory_stranger
issue root brief SM2 /CN=brief "$leaf_ext" '' 20260101000000Z 20270115080200Z
secret brief

# What names a user, and what names nobody.
issue root name_common SM2 '/O=Example/CN=dave' "$leaf_ext"
issue root name_uri SM2 '/O=Example/CN=ignored' "$leaf_ext
subjectAltName = DNS:example.com, URI:smrtc-user:%E5%BC%A0%E4%B8%89"
issue root name_two_uris SM2 '/CN=dave' "$leaf_ext
subjectAltName = URI:smrtc-user:dave, URI:smrtc-user:eve"
issue root name_bad_uri SM2 '/CN=dave' "$leaf_ext
subjectAltName = URI:smrtc-user:%00"
issue root name_none SM2 '/O=Example' "$leaf_ext"

# What is wrong with a member's certificate.
issue root other_id SM2 /CN=dave "$leaf_ext" 8765432187654321
issue root not_yet SM2 /CN=dave "$leaf_ext" '' 21000101000000Z 21260101000000Z
issue root member_is_ca SM2 /CN=dave 'basicConstraints = CA:TRUE
keyUsage = digitalSignature, keyCertSign'
issue root member_encrypts SM2 /CN=dave 'keyUsage = critical, keyEncipherment, keyAgreement'
issue root member_is_server SM2 /CN=dave "$leaf_ext
extendedKeyUsage = serverAuth"
issue root member_critical SM2 /CN=dave "$leaf_ext
1.2.3.4 = critical, DER:05:00"
issue root member_uncritical SM2 /CN=dave "$leaf_ext
1.2.3.4 = DER:05:00"
issue root member_p256 prime256v1 /CN=dave "$leaf_ext"
issue impostor by_impostor SM2 /CN=dave "$leaf_ext"
for by in inter_below inter_second inter_third inter_not_ca inter_no_sign inter_expired inter_names; do
    issue $by by_$by SM2 /CN=dave "$leaf_ext"
done

# Revocation: of the root, then of the issuing authority, before and after it takes Carol's
# certificate back.
list root root_crl SM2
list inter inter_crl_before SM2
list inter inter_crl_old SM2 20260101000000Z 20260201000000Z
openssl ca -config inter.cnf -revoke carol.pem -keyfile inter.key
list inter inter_crl SM2
authority forger
issue forger forger SM2 '/O=Example/CN=Example issuing' "$ca_ext" '' '' '' -selfsign
list forger inter_crl_forged SM2

# The same on P-256, for the suite of RFC 9420.
curve_of_ca=P256
authority p256_root
issue p256_root p256_root prime256v1 '/O=Example/CN=P-256 root' "$ca_ext" '' '' '' -selfsign
for user in alice bob; do
    issue p256_root p256_$user prime256v1 "/O=Example/CN=$user" "$leaf_ext"
    secret p256_$user
done

# A request, with the identifier and without.
request alice SM2 /CN=alice
openssl req -in alice.csr -outform der -out "$out/request.der"
openssl req -new -sm3 -key alice.key -subj /CN=alice -outform der -out "$out/request_other_id.der"
