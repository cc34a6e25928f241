//! Signatures of tokens, for `jsonwebtoken`: the algorithms that our keys and those of identity providers have (HS256, ES256, `EdDSA`;
//! of RS256 the verifying half), and no other. All that the library brings would be linked for want of knowing which are used:
//! P-384, RSA's private half and PSS, a tenth of a Wasm script. The arithmetic is `RustCrypto`'s in both cases.

use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    jwk::EllipticCurve,
    signature::{Error, Signer, Verifier},
};
use p256::{ecdsa, elliptic_curve::sec1::Coordinates};
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        ec_pub_components_from_private_key: p256_public,
        ed_pub_components_from_private_key: ed25519_public,
        // Of RSA there are no private keys here, and of no key a thumbprint.
        rsa_pub_components_from_private_key: |_| Err(ErrorKind::InvalidAlgorithm.into()),
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::InvalidAlgorithm.into()),
        compute_digest: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    },
};

/// Lets `jsonwebtoken` compute with these. Before it signs or verifies anything; again does nothing.
pub fn install() {
    let _ = PROVIDER.install_default();
}

/// An algorithm with a key.
struct Keyed<K> {
    algorithm: Algorithm,
    key: K,
}

impl<K> JwtSigner for Keyed<K>
where
    Self: Signer<Vec<u8>>,
{
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl<K> JwtVerifier for Keyed<K>
where
    Self: Verifier<Vec<u8>>,
{
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library's signature")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    let (algorithm, bytes) = (*algorithm, key.as_bytes());
    Ok(match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Box::new(Keyed { algorithm, key: mac(bytes)? }),
        (Algorithm::ES256, AlgorithmFamily::Ec) => Box::new(Keyed { algorithm, key: p256_private(bytes)? }),
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => Box::new(Keyed { algorithm, key: ed25519_private(bytes)? }),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library's signature")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let algorithm = *algorithm;
    Ok(match (algorithm, key.family(), key.kind()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            Box::new(Keyed { algorithm, key: mac(secret)? })
        }
        (Algorithm::ES256, AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            let key = ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            Box::new(Keyed { algorithm, key })
        }
        (Algorithm::EdDSA, AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
            let point = point.as_slice().try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(point).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Box::new(Keyed { algorithm, key })
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            let key = RsaPublicKey::new(BigUint::from_bytes_be(n), BigUint::from_bytes_be(e))
                .map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()))?;
            Box::new(Keyed { algorithm, key })
        }
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    })
}

fn mac(secret: &[u8]) -> Result<Hmac<Sha256>> {
    Hmac::new_from_slice(secret).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

fn p256_private(pkcs8: &[u8]) -> Result<ecdsa::SigningKey> {
    ecdsa::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| ErrorKind::InvalidEcdsaKey.into())
}

fn ed25519_private(pkcs8: &[u8]) -> Result<ed25519_dalek::SigningKey> {
    ed25519_dalek::SigningKey::from_pkcs8_der(pkcs8).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

fn p256_public(pkcs8: &[u8], algorithm: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    let point = p256_private(pkcs8)?.verifying_key().to_encoded_point(false);
    match (algorithm, point.coordinates()) {
        (Algorithm::ES256, Coordinates::Uncompressed { x, y }) => Ok((EllipticCurve::P256, x.to_vec(), y.to_vec())),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn ed25519_public(pkcs8: &[u8], curve: &EllipticCurve) -> Result<Vec<u8>> {
    match curve {
        EllipticCurve::Ed25519 => Ok(ed25519_private(pkcs8)?.verifying_key().as_bytes().to_vec()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for Keyed<Hmac<Sha256>> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.key.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Keyed<Hmac<Sha256>> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        // Compared in constant time.
        self.key.clone().chain_update(message).verify_slice(signature).map_err(Error::from_source)
    }
}

impl Signer<Vec<u8>> for Keyed<ecdsa::SigningKey> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signature: ecdsa::Signature = self.key.try_sign(message)?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Keyed<ecdsa::VerifyingKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key.verify(message, &ecdsa::Signature::from_slice(signature)?)
    }
}

impl Signer<Vec<u8>> for Keyed<ed25519_dalek::SigningKey> {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.key.try_sign(message)?.to_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Keyed<ed25519_dalek::VerifyingKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key.verify(message, &ed25519_dalek::Signature::from_slice(signature)?)
    }
}

impl Verifier<Vec<u8>> for Keyed<RsaPublicKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        use rsa::sha2::{Digest as _, Sha256};
        self.key.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message), signature).map_err(|_| Error::new())
    }
}

#[cfg(test)]
mod tests;
