// Botan's AEAD as C functions: its own C interface would bring in RSA, X.509 and the rest.
#include <botan/aead.h>
#include <botan/version.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <span>

namespace {

struct Peer {
    std::unique_ptr<Botan::AEAD_Mode> seal;
    std::unique_ptr<Botan::AEAD_Mode> open;
    // `finish` takes and returns a vector: its contents are what the caller brought and takes away.
    Botan::secure_vector<uint8_t> buffer;
};

constexpr size_t TAG_BYTES = 16;

}  // namespace

extern "C" {

const char* smrtc_botan_version() { return Botan::short_version_cstr(); }

Peer* smrtc_botan_new() {
    try {
        auto peer = std::make_unique<Peer>();
        peer->seal = Botan::AEAD_Mode::create_or_throw("SM4/GCM", Botan::Cipher_Dir::Encryption);
        peer->open = Botan::AEAD_Mode::create_or_throw("SM4/GCM", Botan::Cipher_Dir::Decryption);
        return peer.release();
    } catch(const std::exception&) {
        return nullptr;
    }
}

void smrtc_botan_free(Peer* peer) { delete peer; }

// key: 16 bytes.
bool smrtc_botan_set_key(Peer* peer, const uint8_t* key) {
    try {
        peer->seal->set_key(key, 16);
        peer->open->set_key(key, 16);
        return true;
    } catch(const std::exception&) {
        return false;
    }
}

// nonce: 12 bytes; text: in place; tag: 16 bytes out.
bool smrtc_botan_seal(Peer* peer, const uint8_t* nonce, const uint8_t* aad, size_t aad_bytes, uint8_t* text,
                      size_t text_bytes, uint8_t* tag) {
    try {
        peer->seal->set_associated_data(std::span(aad, aad_bytes));
        peer->seal->start(nonce, 12);
        // Whole granules in place, as a caller of Botan with its own buffer does; the rest by `finish`.
        const size_t whole = text_bytes - text_bytes % peer->seal->update_granularity();
        peer->seal->process(text, whole);
        peer->buffer.assign(text + whole, text + text_bytes);
        peer->seal->finish(peer->buffer);
        std::copy_n(peer->buffer.begin(), text_bytes - whole, text + whole);
        std::memcpy(tag, peer->buffer.data() + (text_bytes - whole), TAG_BYTES);
        return true;
    } catch(const std::exception&) {
        return false;
    }
}

// As above; tag: 16 bytes in. False if it does not verify.
bool smrtc_botan_open(Peer* peer, const uint8_t* nonce, const uint8_t* aad, size_t aad_bytes, uint8_t* text,
                      size_t text_bytes, const uint8_t* tag) {
    try {
        peer->open->set_associated_data(std::span(aad, aad_bytes));
        peer->open->start(nonce, 12);
        const size_t whole = text_bytes - text_bytes % peer->open->update_granularity();
        peer->open->process(text, whole);
        peer->buffer.assign(text + whole, text + text_bytes);
        peer->buffer.insert(peer->buffer.end(), tag, tag + TAG_BYTES);
        peer->open->finish(peer->buffer);
        std::copy_n(peer->buffer.begin(), text_bytes - whole, text + whole);
        return true;
    } catch(const std::exception&) {
        return false;
    }
}

}  // extern "C"
